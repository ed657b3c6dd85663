use candor_pipeline::Peer;

fn main() {
    let peer = Peer::new("192.0.2.1:80".parse().unwrap());
    println!("{peer:?}");
}
