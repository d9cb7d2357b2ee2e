use nf_floor::lab::{TileView, mixing};
use nf_image::{Image16, Shape};
use std::time::Instant;
fn cpu() -> f64 {
    let s = std::fs::read_to_string("/proc/thread-self/schedstat").unwrap();
    s.split_whitespace().next().unwrap().parse::<f64>().unwrap() * 1e-9
}
fn main() {
    let mut args: Vec<String> = std::env::args().skip(1).collect();
    let side: usize = args.remove(0).parse().unwrap();
    let decode = args[0] == "-d";
    if decode {
        args.remove(0);
    }
    let (mut bytes, mut px, mut te, mut td) = (0usize, 0usize, 0.0, 0.0);
    for f in args {
        let raw = std::fs::read(&f).unwrap();
        let header = String::from_utf8_lossy(&raw[..128]).to_string();
        let s = &header[header.find("'shape': (").unwrap() + 10..];
        let s = &s[..s.find(')').unwrap()];
        let d: Vec<usize> = s.split(',').map(|x| x.trim().parse().unwrap()).collect();
        let v: Vec<u16> = raw[128..].chunks_exact(2).map(|b| u16::from_le_bytes([b[0], b[1]])).collect();
        let (h, w) = (d[0].min(side), d[1].min(side));
        let (y0, x0) = ((d[0] - h) / 2, (d[1] - w) / 2);
        let image = Image16::from_fn(Shape::frame(h, w), |_, y, x| v[(y0 + y) * d[1] + x0 + x]);
        let t = (cpu(), Instant::now());
        let payload = mixing::encode(TileView::of(&image)).unwrap();
        te += cpu() - t.0;
        let name = f.rsplit('/').next().unwrap();
        println!("{name} {} {:.4}", payload.len(), payload.len() as f64 * 8.0 / (h * w) as f64);
        bytes += payload.len();
        px += h * w;
        if decode {
            let t = cpu();
            let out = mixing::decode("t", &payload, h, w).unwrap();
            td += cpu() - t;
            assert!(out == image.samples());
        }
    }
    println!(
        "TOTAL {bytes} bytes {:.5} bpp, encode {:.1} ns/px decode {:.1} ns/px",
        bytes as f64 * 8.0 / px as f64,
        te / px as f64 * 1e9,
        td / px as f64 * 1e9
    );
}
