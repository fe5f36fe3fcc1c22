//! Where jobs live.

use std::ffi::OsString;
use std::fs;
use std::path::Path;

use pipulate::place::{Origin, Place, PlaceEnv};
use pipulate::{Error, Pip};

fn env(home: &Path) -> PlaceEnv {
    PlaceEnv {
        url: None,
        home: Some(home.to_owned()),
        data: Some(home.join("data")),
    }
}

#[test]
fn each_rule_gives_way_to_the_one_before() {
    let folder = tempfile::tempdir().unwrap();
    let home = folder.path();
    let working = home.join("project").join("notebooks");
    fs::create_dir_all(&working).unwrap();
    let resolve = |env: &PlaceEnv| Place::resolve(&working, env).unwrap();

    let place = resolve(&env(home));
    assert_eq!(place.path(), home.join("data/pipulate/pipeline.db"));
    assert_eq!(place.origin(), &Origin::UserData);

    fs::create_dir(home.join(".pipulate")).unwrap();
    assert_eq!(
        resolve(&env(home)).origin(),
        &Origin::UserData,
        "a folder without a store is none"
    );
    fs::write(home.join(".pipulate/pipeline.db"), "").unwrap();
    assert_eq!(resolve(&env(home)).path(), home.join(".pipulate/pipeline.db"));
    let project = home.join("project");
    fs::create_dir(project.join(".pipulate")).unwrap();
    fs::write(project.join(".pipulate/pipeline.db"), "").unwrap();
    let place = resolve(&env(home));
    assert_eq!(place.path(), project.join(".pipulate/pipeline.db"), "the nearest");
    assert_eq!(place.origin(), &Origin::Folder(project.clone()));

    fs::write(home.join("pipulate.toml"), "url = 'sqlite:kept/jobs.db'").unwrap();
    let place = resolve(&env(home));
    assert_eq!(
        place.path(),
        home.join("kept/jobs.db"),
        "relative to the file that says so"
    );
    assert_eq!(place.origin(), &Origin::Config(home.join("pipulate.toml")));
    fs::write(project.join("pipulate.toml"), "[server]\nport = 1\n").unwrap();
    assert_eq!(
        resolve(&env(home)).path(),
        project.join(".pipulate/pipeline.db"),
        "the nearest file says nothing"
    );
    fs::write(project.join("pipulate.toml"), "url = '~/jobs.db'").unwrap();
    assert_eq!(resolve(&env(home)).path(), home.join("jobs.db"));

    let named = PlaceEnv {
        url: Some("sqlite:here.db".into()),
        ..env(home)
    };
    let place = resolve(&named);
    assert_eq!(place.path(), working.join("here.db"), "relative to the working folder");
    assert_eq!(
        (place.origin(), place.url()),
        (
            &Origin::Environment,
            format!("sqlite:{}", working.join("here.db").display())
        )
    );
    Pip::open_place(&place).unwrap().set("job", "step", &1).unwrap();
    assert_eq!(
        Pip::open(&place.url()).unwrap().get::<u8>("job", "step").unwrap(),
        Some(1)
    );
    assert_eq!(
        Place::given("/tmp/x.db", &working, &named).unwrap().path(),
        Path::new("/tmp/x.db")
    );
}

#[test]
fn errors_name_the_file() {
    let folder = tempfile::tempdir().unwrap();
    let config = folder.path().join("pipulate.toml");
    let check = |text: &str, expected: &str| {
        fs::write(&config, text).unwrap();
        let error = Place::resolve(folder.path(), &env(folder.path())).unwrap_err();
        assert!(
            matches!(&error, Error::Place { place, .. } if place.contains("pipulate.toml")),
            "{error:?}"
        );
        assert!(error.full_message().contains(expected), "{}", error.full_message());
    };
    check("url = ", "line 1");
    check("url = 7", "expected a string");
    check("url = ''", "names no file");
    check("url = 'postgres://host/db'", "knows no `postgres:`");
    fs::remove_file(&config).unwrap();
    fs::create_dir(&config).unwrap();
    let error = Place::resolve(folder.path(), &env(folder.path())).unwrap_err();
    assert!(error.to_string().contains("cannot be read"), "{error}");
    fs::remove_dir(&config).unwrap();
    let error = Place::resolve(folder.path(), &PlaceEnv::default()).unwrap_err();
    assert!(error.to_string().contains("PIPULATE_URL"), "{error}");
    let other = PlaceEnv {
        url: Some("mysql:x".into()),
        ..env(folder.path())
    };
    assert!(
        Place::resolve(folder.path(), &other)
            .unwrap_err()
            .to_string()
            .contains("PIPULATE_URL")
    );
}

#[cfg(unix)]
#[test]
fn a_link_that_leads_nowhere_does_not_send_jobs_elsewhere() {
    use std::os::unix::fs::symlink;
    let folder = tempfile::tempdir().unwrap();
    let (config, store) = (
        folder.path().join("pipulate.toml"),
        folder.path().join(".pipulate/pipeline.db"),
    );
    symlink("nowhere", &config).unwrap();
    let error = Place::resolve(folder.path(), &env(folder.path())).unwrap_err();
    assert!(error.to_string().contains("pipulate.toml"), "{error}");
    assert!(
        error.to_string().contains("a link to a file that is not there"),
        "{error}"
    );
    fs::remove_file(&config).unwrap();
    fs::create_dir(store.parent().unwrap()).unwrap();
    symlink("nowhere", &store).unwrap();
    let place = Place::resolve(folder.path(), &env(folder.path())).unwrap();
    assert_eq!(place.origin(), &Origin::Folder(folder.path().to_owned()));
    let error = Pip::open_place(&place).unwrap_err();
    assert!(
        error.to_string().contains("a link to a file that is not there"),
        "{error}"
    );
}

#[cfg(unix)]
#[test]
fn an_address_that_is_not_utf8_is_refused_not_bent() {
    use std::os::unix::ffi::OsStringExt;
    let folder = tempfile::tempdir().unwrap();
    let url = OsString::from_vec(b"sqlite:caf\xe9.db".to_vec());
    let env = PlaceEnv {
        data: Some(folder.path().to_owned()),
        ..PlaceEnv::from_variables([("PIPULATE_URL".into(), url)])
    };
    let error = Place::resolve(folder.path(), &env).unwrap_err();
    assert_eq!(
        error.to_string(),
        "cannot use PIPULATE_URL as the place for jobs: `sqlite:caf\u{fffd}.db` is not UTF-8"
    );
}

#[cfg(target_os = "linux")]
#[test]
fn the_environment_is_read_as_it_is_meant() {
    let read = |variables: &[(&str, &str)]| {
        PlaceEnv::from_variables(
            variables
                .iter()
                .map(|(name, value)| (OsString::from(name), OsString::from(value))),
        )
    };
    let found = read(&[("HOME", "/home/ada"), ("PIPULATE_URL", ""), ("OTHER", "x")]);
    assert_eq!(
        found,
        PlaceEnv {
            url: None,
            home: Some("/home/ada".into()),
            data: Some("/home/ada/.local/share".into())
        }
    );
    let found = read(&[
        ("XDG_DATA_HOME", "/data"),
        ("HOME", "/home/ada"),
        ("PIPULATE_URL", "x.db"),
    ]);
    assert_eq!(
        (found.data.unwrap(), found.url.unwrap()),
        ("/data".into(), "x.db".into())
    );
    let found = read(&[("XDG_DATA_HOME", "relative"), ("HOME", "/home/ada")]);
    assert_eq!(found.data.unwrap(), Path::new("/home/ada/.local/share"));
}

#[cfg(unix)]
#[test]
fn a_pipe_that_is_called_pipulate_toml_is_refused_and_not_waited_for() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("pipulate.toml");
    let made = std::process::Command::new("mkfifo").arg(&file).status().unwrap();
    assert!(made.success());
    let (sender, refused) = std::sync::mpsc::channel();
    let (working, env) = (folder.path().to_owned(), env(folder.path()));
    std::thread::spawn(move || sender.send(Place::resolve(&working, &env)));
    let error = refused
        .recv_timeout(std::time::Duration::from_secs(30))
        .unwrap()
        .unwrap_err();
    assert!(
        matches!(&error, Error::Place { reason, .. } if reason.contains("no regular file")),
        "{error:?}"
    );
}
