use candor_pipeline::ClientIp;

fn keep(client: &ClientIp) -> ClientIp {
    Clone::clone(client)
}

fn main() {
    let _ = keep;
}
