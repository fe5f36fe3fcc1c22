//! Where this process finds the store: what core needs to know of the environment, read once.

use std::path::PathBuf;
use std::sync::OnceLock;

use pipulate::{Error, Place, PlaceEnv, Result};

/// What the environment said about places when it was first asked.
pub fn environment() -> &'static PlaceEnv {
    static ENVIRONMENT: OnceLock<PlaceEnv> = OnceLock::new();
    ENVIRONMENT.get_or_init(PlaceEnv::of_process)
}

/// The place that belongs to the folder the kernel was started in, which is the notebook's. `%cd` does not change it.
pub fn resolve() -> Result<Place> {
    let folder = std::env::current_dir().map_err(|error| Error::Place {
        place: "the working folder".to_owned(),
        reason: format!("it cannot be told: {error}"),
        source: None,
    })?;
    Place::resolve(&folder, environment())
}

/// The folder of Pipulate's files in the user's data folder; `None` where the environment names no home.
pub fn data_folder() -> Option<PathBuf> {
    environment().data.as_ref().map(|data| data.join("pipulate"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_place_of_this_process_is_that_of_its_folder() {
        let folder = std::env::current_dir().unwrap();
        let expected = Place::resolve(&folder, &PlaceEnv::of_process()).unwrap();
        assert_eq!(resolve().unwrap(), expected);
    }
}
