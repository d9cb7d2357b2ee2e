// What each experiment of the benchmark takes of its lists and files; see `tests/hub.rs`.

#[test]
fn lco_takes_the_rows_of_its_telescope() {
    let files =
        vec![("data/INT/a.fits".into(), plain(1, &[7, 5])), ("data/LCO/b.fits".into(), plain(2, &[9, 4]))];
    let rows =
        [row("data/INT/a.fits", ",\"telescope\":\"INT\""), row("data/LCO/b.fits", ",\"telescope\":\"LCO\"")];
    let (server, cache) = (repository(&rows, files), tempfile::tempdir().unwrap());
    let set = opened(&server, cache.path(), "lco");
    assert_eq!(names(&*set), ["b"]);
    let image = set.image(0).unwrap();
    assert_eq!((image.shape(), image.row(0, 3)[8]), (Shape::frame(4, 9), value(2, 8, 3, 0)));
    assert!(set.card().origin.ends_with(&format!("at commit {COMMIT}")));
    assert_eq!(opened(&server, cache.path(), "gbi-16-2d-legacy@full-test").len(), 2);
    assert!(!server.token_leaked() && server.token_came());
}

#[test]
fn hst_takes_two_chips_of_a_file() {
    let (axes, chip) = ([8, 6], |seed: usize| move |x, y, plane| value(seed, x, y, plane));
    let file = [
        hdu(true, &[], &[], |_, _, _| 0),
        hdu(false, &axes, &[], chip(11)),
        hdu(false, &axes, &[], chip(12)),
        hdu(false, &axes, &[], chip(13)),
        hdu(false, &axes, &[], chip(14)),
    ]
    .concat();
    let server = repository(&[row("data/j.fits", "")], vec![("data/j.fits".into(), file)]);
    let cache = tempfile::tempdir().unwrap();
    let set = opened(&server, cache.path(), "hst");
    assert_eq!(names(&*set), ["j.0", "j.1"]);
    assert_eq!(set.image(0).unwrap().row(0, 5)[7], value(11, 7, 5, 0));
    assert_eq!(set.image(1).unwrap().row(0, 5)[7], value(14, 7, 5, 0));
}

#[test]
fn jwst_takes_the_first_group_the_ramp_or_its_differences() {
    // Two integrations of four groups; the second integration must never appear.
    let sci =
        hdu(false, &[6, 5, 4, 2], &[card("EXTNAME", "'SCI     '")], |x, y, plane| value(3, x, y, plane));
    let file = [hdu(true, &[], &[], |_, _, _| 0), sci].concat();
    let server = repository(&[row("data/k.fits", ",\"ntimes\": 4")], vec![("data/k.fits".into(), file)]);
    let cache = tempfile::tempdir().unwrap();
    let first = opened(&server, cache.path(), "jwst");
    let image = first.image(0).unwrap();
    assert_eq!((first.len(), image.shape(), image.row(0, 4)[5]), (1, Shape::frame(5, 6), value(3, 5, 4, 0)));
    let ramp = opened(&server, cache.path(), "jwst/stack").image(0).unwrap();
    assert_eq!((ramp.shape(), ramp.axis()), (Shape::new(4, 5, 6), PlaneAxis::Group));
    assert_eq!(ramp.row(3, 2)[1], value(3, 1, 2, 3));
    let differences = opened(&server, cache.path(), "jwst-res");
    assert_eq!(names(&*differences), ["k.r1", "k.r2", "k.r3"]);
    let centred = opened(&server, cache.path(), "jwst-res/centred");
    let mut wrapped = 0;
    for item in 0..3 {
        let (plain, moved) = (differences.image(item).unwrap(), centred.image(item).unwrap());
        for (y, x) in (0..5).flat_map(|y| (0..6).map(move |x| (y, x))) {
            let (before, after) = (i32::from(value(3, x, y, item)), i32::from(value(3, x, y, item + 1)));
            let expected = (after - before).rem_euclid(65_536);
            wrapped += usize::from(after < before);
            assert_eq!(i32::from(plain.row(0, y)[x]), expected);
            assert_eq!(i32::from(moved.row(0, y)[x]), (expected + 32_768) % 65_536);
        }
    }
    assert!(wrapped > 0, "some differences must be negative for the test to mean anything");
}

#[test]
fn sdss_takes_planes_of_a_cube() {
    // Axes x, y, band, epoch: plane = epoch * 5 + band.
    let deep = "data/cube_a_4-5-7-6.fits";
    let shallow = "data/cube_b_2-5-7-6.fits";
    let files = vec![(deep.into(), plain(4, &[6, 7, 5, 4])), (shallow.into(), plain(5, &[6, 7, 5, 2]))];
    let (server, cache) =
        (repository(&[row(deep, ""), row(shallow, "")], files), tempfile::tempdir().unwrap());
    let check = |reference: &str, count: usize, axis: PlaneAxis, planes: &[usize]| {
        let set = opened(&server, cache.path(), reference);
        let image = set.image(0).unwrap();
        let found = (set.len(), image.axis(), image.shape());
        assert_eq!(found, (count, axis, Shape::new(planes.len(), 7, 6)), "{reference}");
        for (i, &plane) in planes.iter().enumerate() {
            assert_eq!(image.row(i, 6)[5], value(4, 5, 6, plane), "{reference}");
        }
    };
    check("sdss", 2, PlaneAxis::None, &[2]);
    check("sdss-3d", 2, PlaneAxis::Wavelength, &[1, 2, 3]);
    check("sdss-3d/stack", 2, PlaneAxis::Wavelength, &[0, 1, 2, 3, 4]);
    check("sdss-3t", 1, PlaneAxis::Time, &[2, 7, 12]);
    check("sdss-3t/stack", 2, PlaneAxis::Time, &[2, 7, 12, 17]);
}

#[test]
fn keck_amplifiers_are_pasted_with_their_flips() {
    // Binned by two: 2 prescan, 5 data and 3 overscan columns; in the file the amplifiers are out
    // of order.
    let (pre, data, over, height) = (2, 5, 3, 4);
    let sections = ["[11:20,1:8]", "[10:1,8:1]"];
    let primary = [card("PRECOL", "4"), card("POSTPIX", "6"), card("BINNING", "'2,2     '")];
    let mut file = hdu(true, &[], &primary, |_, _, _| 0);
    for (seed, section) in sections.iter().enumerate() {
        let cards = [card("DETSEC", &format!("'{section}'"))];
        file.extend(hdu(false, &[pre + data + over, height], &cards, |x, y, _| value(20 + seed, x, y, 0)));
    }
    let name = "data/LR.20060530.fits";
    let files = vec![
        (name.into(), file),
        ("data/LR.one.fits".into(), plain(8, &[3, 2])),
        ("data/XX.fits".into(), plain(9, &[3, 2])),
    ];
    let rows = [row(name, ""), row("data/LR.one.fits", ""), row("data/XX.fits", "")];
    let (server, cache) = (repository(&rows, files), tempfile::tempdir().unwrap());
    let set = opened(&server, cache.path(), "keck");
    assert_eq!(names(&*set), ["LR.20060530", "LR.one"]);
    let image = set.image(0).unwrap();
    assert_eq!(image.shape(), Shape::frame(height, 2 * (pre + data + over)));
    for y in 0..height {
        // Amplifier 21 reads the left half backwards in both directions, amplifier 20 the right
        // half.
        let mut expected: Vec<u16> = vec![];
        let flipped = height - 1 - y;
        expected.extend((0..pre).map(|x| value(21, x, flipped, 0)));
        expected.extend((0..pre).map(|x| value(20, x, y, 0)));
        expected.extend((pre..pre + data).rev().map(|x| value(21, x, flipped, 0)));
        expected.extend((pre..pre + data).map(|x| value(20, x, y, 0)));
        expected.extend((pre + data..pre + data + over).map(|x| value(21, x, flipped, 0)));
        expected.extend((pre + data..pre + data + over).map(|x| value(20, x, y, 0)));
        assert_eq!(image.row(0, y), expected, "row {y}");
    }
    assert_eq!(set.image(1).unwrap().row(0, 1)[2], value(8, 2, 1, 0));
}

#[test]
fn the_training_list_is_cut_as_the_benchmark_cuts_it() {
    let paths: Vec<String> = (0..20).map(|i| format!("data/LCO/{i:02}.fits")).collect();
    let rows: Vec<String> = paths.iter().map(|path| row(path, ",\"telescope\":\"LCO\"")).collect();
    let files = paths.iter().enumerate().map(|(i, path)| (path.clone(), plain(i, &[3, 2]))).collect();
    let (server, cache) = (repository(&rows, files), tempfile::tempdir().unwrap());
    // numpy: a = arange(20); default_rng(42).shuffle(a); the last three of them validate.
    let validation = opened(&server, cache.path(), "lco@full-validation");
    assert_eq!(names(&*validation), ["01", "13", "08"]);
    assert_eq!(opened(&server, cache.path(), "lco@full-fit").len(), 17);
}

#[test]
fn names_from_a_list_cannot_act_on_a_terminal() {
    let rows =
        [format!("{{\"image_id\": \"\\u001b[31m../x\\nb\", \"image\": \"{FILE}\", \"telescope\": \"LCO\"}}")];
    let server = repository(&rows, vec![(FILE.into(), plain(2, &[9, 4]))]);
    let cache = tempfile::tempdir().unwrap();
    let set = opened(&server, cache.path(), "lco");
    assert_eq!(names(&*set), ["\\u{1b}[31m../x\\u{a}b"]);
    assert!(set.image(0).is_ok());
}
