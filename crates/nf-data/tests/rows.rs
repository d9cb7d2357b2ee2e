//! Datasets in Parquet form, from a folder and from the stand-in for the hub.
#![allow(clippy::unwrap_used, reason = "tests")]

mod server;

use nf_data::hub::{Patience, StreamOptions};
use nf_data::{Dataset, OpenOptions, open};
use nf_image::{PlaneAxis, Shape};
use parquet::basic::Compression;
use parquet::data_type::{ByteArray, ByteArrayType, Int32Type, Int64Type};
use parquet::file::properties::WriterProperties;
use parquet::file::writer::{SerializedFileWriter, SerializedRowGroupWriter};
use parquet::schema::parser::parse_message_type;
use server::frames::{hdu, plain, value};
use server::{Fault, Server};
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

/// A column of one row group: one entry a row; lists have the definition levels of the standard
/// three-level form.
#[derive(Clone)]
enum Column {
    Bytes(Vec<Vec<u8>>),
    /// Lists of required 32-bit or 64-bit integers in an optional list of an optional group.
    Lists32(Vec<Vec<i32>>),
    Lists64(Vec<Vec<i64>>),
}

fn levels<T: Clone>(rows: &[Vec<T>]) -> (Vec<T>, Vec<i16>, Vec<i16>) {
    let (mut values, mut definitions, mut repetitions) = (vec![], vec![], vec![]);
    for row in rows {
        if row.is_empty() {
            definitions.push(1);
            repetitions.push(0);
        }
        for (i, value) in row.iter().enumerate() {
            values.push(value.clone());
            definitions.push(2);
            repetitions.push(i16::from(i > 0));
        }
    }
    (values, definitions, repetitions)
}

fn write(group: &mut SerializedRowGroupWriter<'_, Vec<u8>>, column: &Column) {
    let mut writer = group.next_column().unwrap().unwrap();
    match column {
        Column::Bytes(rows) => {
            let values: Vec<ByteArray> = rows.iter().cloned().map(ByteArray::from).collect();
            let defined = vec![1; rows.len()];
            writer.typed::<ByteArrayType>().write_batch(&values, Some(&defined), None).unwrap();
        }
        Column::Lists32(rows) => {
            let (values, definitions, repetitions) = levels(rows);
            let writer = writer.typed::<Int32Type>();
            writer.write_batch(&values, Some(&definitions), Some(&repetitions)).unwrap();
        }
        Column::Lists64(rows) => {
            let (values, definitions, repetitions) = levels(rows);
            let writer = writer.typed::<Int64Type>();
            writer.write_batch(&values, Some(&definitions), Some(&repetitions)).unwrap();
        }
    }
    writer.close().unwrap();
}

/// A Parquet file of a schema's columns, with as many row groups as `groups` has entries.
fn parquet(schema: &str, compression: Compression, groups: &[Vec<Column>]) -> Vec<u8> {
    let schema = Arc::new(parse_message_type(&format!("message m {{ {schema} }}")).unwrap());
    let properties = WriterProperties::builder().set_compression(compression).build();
    let mut writer = SerializedFileWriter::new(vec![], schema, Arc::new(properties)).unwrap();
    for columns in groups {
        let mut group = writer.next_row_group().unwrap();
        columns.iter().for_each(|column| write(&mut group, column));
        group.close().unwrap();
    }
    writer.into_inner().unwrap()
}

const FITS: &str = "optional group image { optional binary bytes; }";
const RAW: &str =
    "optional binary pixels; optional group shape (LIST) { repeated group list { required int64 element; } }";
const LISTS: &str =
    "optional group image (LIST) { repeated group list { required int32 element (INTEGER(16,false)); } }
    optional group shape (LIST) { repeated group list { required int32 element; } }";

/// Two row groups of FITS files, the third with two image HDUs, the second a cube.
fn fits_rows() -> Vec<u8> {
    let two = [plain(3, &[5, 4]), hdu(false, &[3, 2], &[], |x, y, _| value(9, x, y, 0))].concat();
    let group = |files: Vec<Vec<u8>>| {
        // Inside a group the values are defined two levels down.
        vec![Column::Bytes(files)]
    };
    nested(&[group(vec![plain(1, &[7, 5]), plain(2, &[4, 6, 3])]), group(vec![two])])
}

fn nested(groups: &[Vec<Column>]) -> Vec<u8> {
    let schema = Arc::new(parse_message_type(&format!("message m {{ {FITS} }}")).unwrap());
    let properties = WriterProperties::builder().set_compression(Compression::SNAPPY).build();
    let mut writer = SerializedFileWriter::new(vec![], schema, Arc::new(properties)).unwrap();
    for columns in groups {
        let Column::Bytes(rows) = &columns[0] else { unreachable!() };
        let mut group = writer.next_row_group().unwrap();
        let mut column = group.next_column().unwrap().unwrap();
        let values: Vec<ByteArray> = rows.iter().cloned().map(ByteArray::from).collect();
        column.typed::<ByteArrayType>().write_batch(&values, Some(&vec![2; rows.len()]), None).unwrap();
        column.close().unwrap();
        group.close().unwrap();
    }
    writer.into_inner().unwrap()
}

fn samples(seed: usize, planes: usize, height: usize, width: usize) -> Vec<u16> {
    let rows = (0..planes).flat_map(move |p| (0..height).map(move |y| (p, y)));
    rows.flat_map(|(p, y)| (0..width).map(move |x| value(seed, x, y, p))).collect()
}

fn opened(bytes: &[u8], dir: &Path) -> Result<Box<dyn Dataset>, String> {
    std::fs::write(dir.join("x.parquet"), bytes).unwrap();
    open(dir.join("x.parquet").to_str().unwrap(), &OpenOptions::default()).map_err(|error| error.to_string())
}

#[test]
fn rows_of_fits_files_are_images() {
    let dir = tempfile::tempdir().unwrap();
    let set = opened(&fits_rows(), dir.path()).unwrap();
    let names: Vec<String> = (0..set.len()).map(|i| set.name(i)).collect();
    assert_eq!(names, ["x.00000", "x.00001", "x.00002.0", "x.00002.1"]);
    let expected = [
        (Shape::frame(5, 7), samples(1, 1, 5, 7)),
        (Shape::new(3, 6, 4), samples(2, 3, 6, 4)),
        (Shape::frame(4, 5), samples(3, 1, 4, 5)),
        (Shape::frame(2, 3), samples(9, 1, 2, 3)),
    ];
    // In order, backwards, and from several threads at once.
    for index in (0..4).chain((0..4).rev()) {
        let image = set.image(index).unwrap();
        assert_eq!((image.shape(), image.samples()), (expected[index].0, &expected[index].1[..]));
    }
    std::thread::scope(|scope| {
        for thread in 0..4 {
            let (set, expected) = (&set, &expected);
            scope.spawn(move || {
                for step in 0..20 {
                    let index = (thread + 3 * step) % 4;
                    assert_eq!(set.image(index).unwrap().samples(), &expected[index].1[..]);
                }
            });
        }
    });
}

#[test]
fn rows_of_samples_have_the_shape_that_they_state() {
    let dir = tempfile::tempdir().unwrap();
    let shapes = [vec![4, 6], vec![2, 3, 5], vec![1, 1]];
    let frames = [samples(1, 1, 4, 6), samples(2, 2, 3, 5), vec![65_535]];
    let bytes = frames.iter().map(|frame| frame.iter().flat_map(|x| x.to_le_bytes()).collect()).collect();
    let raw = vec![Column::Bytes(bytes), Column::Lists64(shapes.to_vec())];
    let lists = vec![
        Column::Lists32(frames.iter().map(|frame| frame.iter().map(|&x| i32::from(x)).collect()).collect()),
        Column::Lists32(shapes.iter().map(|shape| shape.iter().map(|&x| x as i32).collect()).collect()),
    ];
    for compression in [Compression::UNCOMPRESSED, Compression::SNAPPY, Compression::GZIP(Default::default())]
    {
        for (schema, columns) in [(RAW, &raw), (LISTS, &lists)] {
            let set = opened(&parquet(schema, compression, &[columns.clone(), columns.clone()]), dir.path())
                .unwrap();
            assert_eq!(set.len(), 6);
            for index in [0, 1, 2, 5, 4, 3] {
                let image = set.image(index).unwrap();
                assert_eq!(image.samples(), &frames[index % 3][..], "{schema} {index}");
                let shape = image.shape();
                let expected = &shapes[index % 3];
                assert_eq!([shape.height, shape.width].map(|n| n as i64)[..], expected[expected.len() - 2..]);
            }
        }
    }
}

#[test]
fn a_manifest_names_the_columns_and_the_view() {
    let dir = tempfile::tempdir().unwrap();
    let schema = "optional binary thumb; optional binary frame; optional group dims (LIST) { repeated group list { required int64 element; } }";
    let frame: Vec<u8> = samples(5, 3, 4, 6).iter().flat_map(|x| x.to_le_bytes()).collect();
    let columns = vec![
        Column::Bytes(vec![vec![1, 2]]),
        Column::Bytes(vec![frame]),
        Column::Lists64(vec![vec![3, 4, 6]]),
    ];
    let bytes = parquet(schema, Compression::SNAPPY, &[columns]);
    let error = opened(&bytes, dir.path()).err().unwrap();
    assert!(error.contains("several columns") && error.contains("thumb, frame, dims"), "{error}");
    let manifest = "name='m'\ntitle='t'\ninstrument='i'\nlicence='l'\norigin='o'\ndefault_view='middle'\n\
        [source]\nfolder='.'\n[parquet]\nimage='frame'\nshape='dims'\n[views.middle]\nplanes='middle'\n\
        [views.stack]\naxis='time'\n[splits]\ntest=['x.parquet']\n";
    std::fs::write(dir.path().join("m.toml"), manifest).unwrap();
    let options = OpenOptions { data: Some(dir.path().to_owned()), ..OpenOptions::default() };
    let open = |rest: &str| open(format!("{}/m.toml{rest}", dir.path().display()), &options).unwrap();
    assert_eq!(open("@test").image(0).unwrap().samples(), &samples(5, 3, 4, 6)[24..48]);
    let stack = open("/stack@test").image(0).unwrap();
    assert_eq!((stack.shape(), stack.axis()), (Shape::new(3, 4, 6), PlaneAxis::Time));
}

/// Opens and reads everything; the first error, in words.
fn first_error(bytes: &[u8], dir: &Path) -> Option<String> {
    let read = || {
        let set = opened(bytes, dir)?;
        (0..set.len()).try_for_each(|i| set.image(i).map(drop).map_err(|error| error.to_string()))
    };
    read().err()
}

#[test]
fn lies_are_named_with_file_and_row() {
    let dir = tempfile::tempdir().unwrap();
    let error = |schema: &str, columns: Vec<Column>| {
        let text = first_error(&parquet(schema, Compression::SNAPPY, &[columns]), dir.path()).unwrap();
        assert!(text.contains("x.parquet") && !text.contains('\n'), "{text}");
        text
    };
    let raw =
        |bytes: Vec<u8>, shape: Vec<i64>| vec![Column::Bytes(vec![bytes]), Column::Lists64(vec![shape])];
    for shape in [vec![3, 5], vec![-3, -5], vec![i64::MAX, i64::MAX, 4], vec![14], vec![1 << 40, 1 << 40]] {
        let text = error(RAW, raw(vec![0; 28], shape.clone()));
        assert!(text.contains(&format!("row 0: states the shape {shape:?}, and holds 14 samples")), "{text}");
    }
    assert!(error(RAW, raw(vec![0; 29], vec![2, 7])).contains("29 bytes"));
    assert!(error(RAW, raw(vec![0; 28], vec![])).contains("row 0: shape: is null or empty"));
    let lists = |value| vec![Column::Lists32(vec![vec![1, value]]), Column::Lists32(vec![vec![1, 2]])];
    assert!(error(LISTS, lists(65_536)).contains("row 0: holds a sample outside 0 to 65535"));
    assert!(error(LISTS, lists(-1)).contains("outside"));
    let only = "optional binary image;";
    assert!(error(only, vec![Column::Bytes(vec![b"no image at all".to_vec()])]).contains("row 0"));
    let text = "optional binary name (STRING);";
    assert!(error(text, vec![Column::Bytes(vec![b"a".to_vec()])]).contains("no column of bytes"));
    let bare = "optional group image (LIST) { repeated group list { required int32 element; } }";
    assert!(
        error(bare, vec![Column::Lists32(vec![vec![1, 2]])]).contains("no column that states their shape")
    );
    let wrong = "optional binary image; optional binary shape;";
    let columns = vec![Column::Bytes(vec![vec![0; 4]]), Column::Bytes(vec![vec![2]])];
    assert!(error(wrong, columns).contains("several columns"));
}

#[test]
fn cut_and_damaged_files_are_refused_and_never_panic() {
    let dir = tempfile::tempdir().unwrap();
    let frame: Vec<u8> = samples(5, 1, 8, 8).iter().flat_map(|x| x.to_le_bytes()).collect();
    let columns =
        vec![Column::Bytes(vec![frame.clone(), frame]), Column::Lists64(vec![vec![8, 8], vec![8, 8]])];
    let whole = parquet(RAW, Compression::SNAPPY, &[columns]);
    assert_eq!(first_error(&whole, dir.path()), None);
    for length in (0..whole.len()).step_by(11).chain([whole.len() - 1]) {
        let error = first_error(&whole[..length], dir.path()).unwrap();
        assert!(error.contains("x.parquet"), "{error}");
    }
    for at in 0..whole.len() {
        let mut bytes = whole.clone();
        bytes[at] ^= 1 << (at % 8);
        // A changed sample cannot be known; anything else must be an error, and nothing may panic.
        if let Some(error) = first_error(&bytes, dir.path()) {
            assert!(error.contains("x.parquet") && !error.contains('\n'), "{error}");
        }
    }
}

const REPOSITORY: &str = "name='h'\ntitle='t'\ninstrument='i'\nlicence='l'\norigin='o'\ndefault_view='whole'\n\
    default_split='test'\n[source.hub]\nrepository='someone/frames'\n\
    [source.hub.row_files]\ntest=['data/a.parquet','data/b.parquet']\ntrain=['data/b.parquet']\n\
    [source.hub.rules]\nwhole='whole'\nchips='hst-chips'\n";

#[test]
fn the_hub_streams_parquet_files_row_by_row() {
    let frame: Vec<u8> = samples(6, 1, 60, 50).iter().flat_map(|x| x.to_le_bytes()).collect();
    let second = parquet(
        RAW,
        Compression::SNAPPY,
        &[vec![Column::Bytes(vec![frame]), Column::Lists64(vec![vec![60, 50]])]],
    );
    let server = Server::start([("data/a.parquet".into(), fits_rows()), ("data/b.parquet".into(), second)]);
    let dir = tempfile::tempdir().unwrap();
    std::fs::write(dir.path().join("h.toml"), REPOSITORY).unwrap();
    let patience = Patience { attempts: 3, pause: Duration::from_millis(2), ..Patience::default() };
    let mut stream = server::stream(&server.endpoint, &dir.path().join("cache"), patience);
    stream.hub.token = None;
    let reference = format!("{}/h.toml", dir.path().display());
    let opened = |stream: &StreamOptions, rest: &str| {
        let options = OpenOptions { stream: Some(stream.clone()), ..OpenOptions::default() };
        open(format!("{reference}{rest}"), &options)
    };
    server.fault("data/a.parquet", Fault::Status(503));
    let set = opened(&stream, "").unwrap();
    let names: Vec<String> = (0..set.len()).map(|i| set.name(i)).collect();
    assert_eq!(names, ["a.00000", "a.00001", "a.00002", "b.00000"]);
    // To know the rows, only the files' ends were asked for, and no file is here yet.
    assert_eq!(set.download().unwrap().missing_files, 2);
    assert_eq!(set.image(1).unwrap().samples(), samples(2, 3, 6, 4));
    assert_eq!(set.download().unwrap().missing_files, 1);
    assert_eq!(set.image(3).unwrap().samples(), samples(6, 1, 60, 50));
    // Offline everything is here, footers included.
    stream.hub.offline = true;
    let before = server.requests();
    assert_eq!(opened(&stream, "@train").unwrap().image(0).unwrap().shape(), Shape::frame(60, 50));
    assert_eq!(server.requests(), before);
    let error = opened(&stream, "@validation").err().unwrap().to_string();
    assert!(error.contains("no such split, there are: test, train"), "{error}");
    // A rule that needs FITS files says so.
    let error = opened(&stream, "/chips@train").unwrap().image(0).unwrap_err().to_string();
    assert!(error.contains("b.parquet: row 0 holds bare samples"), "{error}");
}

/// Files of another implementation; `fixtures/make_rows.py` says how they were made.
#[test]
fn files_of_another_implementation_are_read() {
    for name in ["rows_lists", "rows_bytes"] {
        let path = Path::new(env!("CARGO_MANIFEST_DIR")).join(format!("tests/fixtures/{name}.parquet"));
        let set = open(path.to_str().unwrap(), &OpenOptions::default()).unwrap();
        assert_eq!(set.len(), 3);
        for (number, shape) in
            [Shape::frame(4, 6), Shape::new(2, 3, 5), Shape::frame(1, 7)].into_iter().enumerate()
        {
            let image = set.image(number).unwrap();
            assert_eq!(
                (image.shape(), image.samples()),
                (shape, &samples(number, shape.planes, shape.height, shape.width)[..])
            );
        }
    }
}
