use candor_pipeline::ClientIp;

fn write(client: &ClientIp) -> String {
    serde_json::to_string(client).unwrap()
}

fn main() {
    let _ = write;
}
