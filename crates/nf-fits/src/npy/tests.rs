use super::*;

#[test]
fn round_trip_of_frames_and_stacks() {
    for shape in [Shape::frame(3, 5), Shape::new(4, 2, 7), Shape::frame(0, 3), Shape::new(0, 2, 2)] {
        let image = Image16::from_fn(shape, |p, r, c| (p * 20_000 + r * 300 + c) as u16);
        let bytes = write(&image);
        assert_eq!((bytes.len() - shape.raw_bytes()) % 64, 0);
        assert_eq!(read(&bytes, &Limits::default()).unwrap(), image);
    }
}

fn file(version: u8, header: &str, data: &[u8]) -> Vec<u8> {
    let mut bytes = MAGIC.to_vec();
    bytes.extend_from_slice(&[version, 0]);
    let len = (header.len() as u32).to_le_bytes();
    bytes.extend_from_slice(if version == 1 { &len[..2] } else { &len });
    bytes.extend_from_slice(header.as_bytes());
    bytes.extend_from_slice(data);
    bytes
}

fn of(descr: &str, data: &[u8]) -> Result<Vec<u16>> {
    let header = format!(
        "{{'descr': '{descr}', 'fortran_order': False, 'shape': ({},), }}",
        data.len() / if descr.ends_with('1') { 1 } else { 2 }
    );
    Ok(read(&file(1, &header, data), &Limits::default())?.samples().to_vec())
}

#[test]
fn every_integer_of_at_most_16_bits() {
    let data = [0, 0, 1, 2, 0x80, 0, 0xff, 0xff];
    let unsigned = [0, 0x0102, 0x8000, 0xffff];
    let swapped = [0, 0x0201, 0x0080, 0xffff];
    assert_eq!(of(">u2", &data).unwrap(), unsigned);
    assert_eq!(of(">i2", &data).unwrap(), unsigned.map(|value| value ^ 0x8000));
    for descr in ["<u2", "=u2", "u2", "|u2"] {
        assert_eq!(of(descr, &data).unwrap(), swapped, "{descr}");
    }
    assert_eq!(of("<i2", &data).unwrap(), swapped.map(|value| value ^ 0x8000));
    assert_eq!(of("|u1", &[0, 1, 128, 255]).unwrap(), [0, 1, 128, 255]);
    assert_eq!(of("|i1", &[0, 1, 128, 255]).unwrap(), [128, 129, 0, 127]);
    assert_eq!(of("|b1", &[0, 1, 1, 0]).unwrap(), [0, 1, 1, 0]);
}

#[test]
fn types_in_all_of_their_words() {
    let wide = [0, 1, 0x80, 0xff];
    let header = |descr: &str| format!("{{'descr': {descr}, 'fortran_order': False, 'shape': (2,), }}");
    let of = |descr: &str| read(&file(1, &header(descr), &wide), &Limits::default());
    for (words, expected) in [
        (&["'uint16'", "'H'", "'ushort'", "'<H'", "'=u2'", "u'<u2'", "b'<u2'"][..], [0x0100, 0xff80]),
        (&["'>H'", "u'>u2'"], [0x0001, 0x80ff]),
        (&["'int16'", "'h'", "'short'"], [0x8100, 0x7f80]),
        (&["'uint8'", "'B'", "'ubyte'", "'|B'", "'bool'", "'?'"], [0, 1]),
        (&["'int8'", "'b'", "'byte'", "'>b'"], [128, 129]),
    ] {
        for word in words {
            assert_eq!(of(word).unwrap().samples(), expected, "{word}");
        }
    }
    // NumPy knows no such names either.
    for word in ["'<uint16'", "'UInt16'", "'u2 '", "'<u4'", "'uint32'", "'L'", "''", "'<'"] {
        let error = of(word).unwrap_err().to_string();
        assert!(error.starts_with("this npy file holds values of type") && error.contains(word), "{error}");
    }
}

/// As NumPy 1 and 2, Python 2, and other writers have written it.
#[test]
fn headers_of_every_version_and_style() {
    let data: Vec<u8> = (0..12).collect();
    let expected = of("<u2", &data).unwrap();
    for header in [
        "{'descr': '<u2', 'fortran_order': False, 'shape': (2, 3), }",
        "{'descr': '<u2', 'fortran_order': False, 'shape': (2L, 3L), }        \n",
        "{\"shape\":(2,3),\"fortran_order\":False,\"descr\":\"<u2\"}",
        " { 'shape' : ( 2 , 3 , ) , 'fortran_order' : False , 'descr' : '<u2' } \n",
    ] {
        for version in [1, 2, 3] {
            let image = read(&file(version, header, &data), &Limits::default()).unwrap();
            assert_eq!((image.shape(), image.samples()), (Shape::frame(2, 3), &expected[..]), "{header}");
        }
    }
    for (axes, shape) in [
        ("()", Shape::frame(1, 1)),
        ("(6,)", Shape::frame(1, 6)),
        ("(1, 1, 2, 1, 3)", Shape::new(2, 1, 3)),
        ("(0, 4)", Shape::frame(0, 4)),
        ("((2, 3))", Shape::frame(2, 3)),
        ("( ( (2, 3,) ) )", Shape::frame(2, 3)),
        ("((2), 3)", Shape::frame(2, 3)),
        ("(0, 1_0)", Shape::frame(0, 10)),
        ("(0, 1_000L)", Shape::frame(0, 1000)),
    ] {
        let header = format!("{{'descr': '<u2', 'fortran_order': False, 'shape': {axes}, }}");
        assert_eq!(read(&file(1, &header, &data), &Limits::default()).unwrap().shape(), shape);
    }
}

#[test]
fn fortran_order_is_a_transposition() {
    let axes = [2, 3, 4, 5];
    let value = |i: [usize; 4]| (1000 * i[0] + 100 * i[1] + 10 * i[2] + i[3]) as u16;
    let (mut fortran, mut c) = (Vec::new(), Vec::new());
    for n in 0..120 {
        let unravel = |order: [usize; 4]| {
            let mut rest = n;
            let mut at = [0; 4];
            for axis in order {
                at[axis] = rest % axes[axis];
                rest /= axes[axis];
            }
            at
        };
        fortran.extend(value(unravel([0, 1, 2, 3])).to_le_bytes());
        c.push(value(unravel([3, 2, 1, 0])));
    }
    let header = "{'descr': '<u2', 'fortran_order': True, 'shape': (2, 3, 4, 5), }";
    let parsed = parse(&file(1, header, &fortran), &Limits::default()).unwrap();
    assert_eq!((parsed.image.shape(), parsed.image.samples()), (Shape::new(6, 4, 5), &c[..]));
    // The same array in C order.
    let bytes: Vec<u8> = c.iter().flat_map(|sample| sample.to_le_bytes()).collect();
    let again = [parsed.c_order_header(), bytes].concat();
    assert_eq!(read(&again, &Limits::default()).unwrap(), parsed.image);
    for axes in ["(0, 5)", "(5, 0)", "(120,)", "()", "(1, 120)"] {
        let header = format!("{{'descr': '<u2', 'fortran_order': True, 'shape': {axes}, }}");
        assert!(read(&file(1, &header, &fortran), &Limits::default()).is_ok(), "{axes}");
    }
}

#[test]
fn bytes_behind_the_array_belong_to_none() {
    let header = "{'descr': '|u1', 'fortran_order': False, 'shape': (3,), }";
    let bytes = file(1, header, b"abcdef");
    let parsed = parse(&bytes, &Limits::default()).unwrap();
    assert_eq!((&bytes[parsed.data.clone()], &bytes[parsed.data.end..]), (&b"abc"[..], &b"def"[..]));
}

#[test]
fn what_cannot_be_samples_is_refused_with_its_type() {
    for (header, word) in [
        ("{'descr': '<f4', 'fortran_order': False, 'shape': (1, 1), }", "'<f4'"),
        ("{'descr': '<f2', 'fortran_order': False, 'shape': (1, 1), }", "'<f2'"),
        ("{'descr': [('a', '<u2')], 'fortran_order': False, 'shape': (1, 1), }", "fields"),
        ("{'descr': '<u2', 'fortran_order': 0, 'shape': (1, 2), }", "Python"),
        ("{'descr': '<u2', 'fortran_order': '', 'shape': (1, 2), }", "fortran_order"),
        ("{'descr': '<u2', 'fortran_order': False, 'shape': (-1, 2), }", "Python"),
        ("{'descr': '<u2', 'fortran_order': False, 'shape': '2', }", "shape"),
        ("{'descr': '<u2', 'fortran_order': False, 'shape': (9, 9), }", "needs 81 x 2 bytes, 4 follow"),
        ("{'descr': '<u2', 'fortran_order': False, 'shape': (99999999999, 99999999999), }", "limit"),
        ("{'descr': '<u2', 'fortran_order': False, 'shape': (1, _2), }", "Python"),
        ("{'descr': '<u2', 'fortran_order': False, 'shape': (1, 2_), }", "Python"),
        ("{'descr': '<u2', 'fortran_order': False, 'shape': ((1, 2), 1), }", "Python"),
        ("{'descr': '<u2', 'fortran_order': False, 'shape': ((1, 2), }", "Python"),
        ("{'fortran_order': False, 'shape': (1, 2), }", "no 'descr'"),
        ("{'descr': '<u2', 'fortran_order': False, 'shape': (1, 2), } x", "Python"),
        ("", "Python"),
    ] {
        let error = read(&file(1, header, &[0; 4]), &Limits::default()).unwrap_err().to_string();
        assert!(error.contains(word), "{error}");
    }
}

#[test]
fn a_header_needs_no_values() {
    let bytes = header(">i2", &[5, 2, 3, 4], false);
    let read = parse_header(&bytes).unwrap();
    assert_eq!((read.descr.as_str(), read.bytes, read.fortran), (">i2", bytes.len(), false));
    assert_eq!((read.shape, read.axes), (Shape::new(10, 3, 4), vec![5, 2, 3, 4]));
    assert_eq!(read.form, ValueForm { wide: true, signed: true, big_endian: true });
    for axes in [&[][..], &[7]] {
        assert_eq!(parse_header(&header("|u1", axes, true)).unwrap().axes, axes);
    }
    assert!(parse_header(&header("|u1", &[2, 3], true)).unwrap().fortran);
    assert!(parse(&bytes, &Limits::default()).is_err());
}

#[test]
fn every_truncation_is_an_error() {
    let bytes = write(&Image16::zeros(Shape::frame(2, 3)));
    for len in 0..bytes.len() {
        assert!(read(&bytes[..len], &Limits::default()).is_err());
    }
}
