use candor_pipeline::ClientIp;

fn show(client: &ClientIp) -> String {
    format!("{client}")
}

fn main() {
    let _ = show;
}
