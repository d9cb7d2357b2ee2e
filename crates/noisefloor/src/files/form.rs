//! How the stacks of a container were stored in the file that it gives back, so that a stack or a
//! region that is written by itself has the values that it has there.

use anyhow::{Context, Result, ensure};
use nf_archive::input::{FileKind, sample_format};
use nf_codec::container::{Layout, SampleFormat, Segment};
use nf_fits::npy::{self, ValueForm};
use nf_fits::{FitsWriter, PixelForm};
use nf_image::Image16;
use std::io::Write;

/// The form of a stack.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Form {
    Fits(PixelForm),
    Npy(ValueForm),
}

impl Form {
    /// The form of a stack in the file that the layout writes; unsigned 16 bits where there is no
    /// layout.
    ///
    /// # Errors
    /// If the layout does not have the stack behind the header of an image whose pixels have its
    /// format.
    pub(crate) fn of_stack(layout: Option<&Layout>, stack: usize) -> Result<Self> {
        let Some(layout) = layout else { return Ok(Self::Fits(PixelForm::default())) };
        let mut before: &[u8] = &[];
        for segment in &layout.segments {
            match segment {
                Segment::Verbatim(bytes) => before = bytes,
                Segment::Samples { image, format, offset } if *image as usize == stack => {
                    return match FileKind::of_layout(layout) {
                        FileKind::Npy => Ok(Self::Npy(value_form(*format, *offset)?)),
                        FileKind::Fits => fits_form(before, *format, *offset).map(Self::Fits),
                    }
                    .with_context(|| format!("stack {stack} in the file that is restored"));
                }
                Segment::Samples { .. } => before = &[],
            }
        }
        // Nothing of the file needs it, so nothing is said of its values.
        Ok(Self::Fits(PixelForm::default()))
    }

    /// The same values in a FITS file.
    fn fits(&self) -> PixelForm {
        match self {
            Self::Fits(form) => form.clone(),
            Self::Npy(form) => (*form).into(),
        }
    }

    /// The sample whose value is next to this one, and whether it is that value.
    ///
    /// # Errors
    /// If pixels in this form are no samples.
    pub(crate) fn nearest_sample(&self, value: f64) -> Result<(u16, bool)> {
        Ok(self.fits().nearest_sample(value)?)
    }
}

/// A stack, and the form that its values have.
pub(crate) type Formed = (Image16, Form);

/// Writes a file of this kind. One that is no FITS file holds the only stack.
///
/// # Errors
/// If a stack cannot be had, or the destination fails.
pub(crate) fn write_fits(
    images: impl IntoIterator<Item = Result<Formed>>,
    out: &mut dyn Write,
) -> Result<()> {
    let mut writer = FitsWriter::new(out);
    for image in images {
        let (image, form) = image?;
        writer.image_as(&image, &form.fits())?;
    }
    Ok(())
}

/// Writes one stack as a file of this kind.
///
/// # Errors
/// If the destination fails.
pub(crate) fn write(kind: FileKind, (image, form): Formed, out: &mut dyn Write) -> Result<()> {
    let bytes = match (kind, &form) {
        (FileKind::Fits, _) => return write_fits([Ok((image, form))], out),
        (FileKind::Npy, Form::Npy(form)) => npy::write_as(&image, *form),
        (FileKind::Npy, Form::Fits(form)) => form.npy(&image)?,
    };
    Ok(out.write_all(&bytes)?)
}

/// The form of values of an .npy file that a layout writes so.
fn value_form(format: SampleFormat, offset: i64) -> Result<ValueForm> {
    let (wide, big_endian) = match format {
        SampleFormat::U8 => (false, false),
        SampleFormat::U16Le => (true, false),
        SampleFormat::I16Be => (true, true),
        SampleFormat::I32Be | SampleFormat::I64Be => {
            anyhow::bail!("values of {} bytes in an .npy file, expected 1 or 2", format.bytes())
        }
    };
    let form = ValueForm { wide, signed: offset != 0, big_endian };
    ensure!(offset == i64::from(form.offset()), "an offset of {offset}, expected {}", form.offset());
    Ok(form)
}

fn fits_form(before: &[u8], format: SampleFormat, offset: i64) -> Result<PixelForm> {
    let form = PixelForm::of_last_header(before).context("no header of a FITS image stands before it")?;
    let same = sample_format(form.sample_type()) == Some(format) && form.map()?.offset() == offset;
    ensure!(same, "its header does not describe pixels as the container writes them");
    Ok(form)
}
