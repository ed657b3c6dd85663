use candor_pipeline::ClientIp;

fn open(client: &ClientIp) -> [u8; 16] {
    client.octets
}

fn main() {
    let _ = open;
}
