//! Parameters sent as a form: how clients send parameterised queries that may outgrow a URL.

use bytes::Bytes;
use hyper::HeaderMap;
use multer::Multipart;

use super::parameters::Parameters;
use crate::exception::{Exception, Kind};

/// The boundary, if the body is `multipart/form-data`.
pub(crate) fn boundary(headers: &HeaderMap) -> Option<String> {
    multer::parse_boundary(headers.get("content-type")?.to_str().ok()?).ok()
}

/// Takes every part as a parameter.
///
/// # Errors
///
/// When the form is broken, or a part is a file: external tables are not served here.
pub(crate) async fn take_parts(
    body: &Bytes,
    boundary: String,
    parameters: &mut Parameters,
) -> Result<(), Exception> {
    let mut form = Multipart::with_reader(body.as_ref(), boundary);
    while let Some(part) = form.next_field().await.map_err(|error| broken(&error))? {
        let name = part.name().unwrap_or_default().to_owned();
        if part.file_name().is_some() {
            let message = "External tables are not served by the embedded engine: create a \
                           temporary table in a session instead";
            return Err(Exception::new(Kind::NotImplemented, message));
        }
        let value = part.text().await.map_err(|error| broken(&error))?;
        parameters.take(&name, value)?;
    }
    Ok(())
}

fn broken(error: &multer::Error) -> Exception {
    Exception::new(Kind::BadRequestParameter, format!("Cannot read the form: {error}"))
}
