//! A rotating id is made of the whole address, of which a /24 leaves 256 candidates, and a shorter
//! prefix only some more: whoever gets at the key finds the address by trying them.

use candor_event::Field;

use crate::file::File;
use crate::problem::Problem;
use crate::{AddressMode, VisitorMode};

pub(super) fn check(file: &File, problems: &mut Vec<Problem>) {
    let (Some(address), Some(visitor)) = (&file.address, &file.visitor) else {
        return;
    };
    let truncated = matches!(address.value, AddressMode::Truncate { .. });
    if !truncated || visitor.value != VisitorMode::Rotating {
        return;
    }
    let first = |field| file.purposes.iter().find_map(|purpose| purpose.span_of(field));
    if let (Some(address), Some(visitor)) = (first(Field::Address), first(Field::Visitor)) {
        let problem = Problem::at(visitor, "a truncated address beside a rotating visitor id")
            .label("the id is made of the address")
            .related(Some(address), "leaves few guesses at the whole address")
            .help(
                "take `address` or `visitor` out of every purpose, or write `mode = \"hash\"` \
                 for the address",
            );
        problems.push(problem);
    }
}
