//! MySQL Router, sharing server connections between clients, on one thread.

use std::{env, ffi::OsString, fs, path::Path};

use anyhow::Result;
use tollgate_testkit::ClientTls;

use super::{Place, Recipe, unpacked};
use crate::{
    door::{Entry, Tls},
    stage::{POOL, USER},
    system::System,
};

pub(super) fn recipe(place: &Place<'_>) -> Result<Recipe> {
    let identity = place.behind.authority.server(&["127.0.0.1"])?;
    let certificate = place.write("server.crt", &identity.cert_pem)?;
    let key = place.write("server.key", &identity.key_pem)?;
    let folder = place.folder.display();
    let plugins = unpacked().join("lib/mysqlrouter/plugin");
    let plugins = if plugins.is_dir() {
        format!("plugin_folder={}\n", plugins.display())
    } else {
        String::new()
    };
    let settings = format!(
        "[DEFAULT]\n{plugins}logging_folder={folder}\nruntime_folder={folder}\ndata_folder={folder}\n\
         [logger]\nlevel=warning\n[io]\nthreads=1\n[connection_pool]\nmax_idle_server_connections={POOL}\n\
         [routing:sharing]\nbind_address=127.0.0.1\nbind_port={}\ndestinations=127.0.0.1:{}\n\
         routing_strategy=first-available\nprotocol=classic\nclient_ssl_mode=PREFERRED\n\
         client_ssl_cert={certificate}\nclient_ssl_key={key}\nserver_ssl_mode=PREFERRED\n\
         connection_sharing=1\nconnection_sharing_delay=0\nmax_connect_errors=4294967295\n",
        place.port, place.behind.server_port
    );
    let file = place.write("mysqlrouter.conf", &settings)?;
    let trust = ClientTls::trusting(&place.behind.authority.cert_pem())?;
    Ok(Recipe {
        arguments: ["-c", &file].map(str::to_owned).to_vec(),
        doors: vec![(
            Entry::Cheap(Tls::On),
            place.door(System::Router, USER, Some(trust)),
        )],
    })
}

/// Where an unpacked Router finds its own libraries and those of its system: its plug-ins do not look where it looks.
pub(super) fn libraries(lib: &Path) -> Option<OsString> {
    let own = lib.join("mysql-router");
    let of_system = fs::read_dir(lib)
        .ok()?
        .flatten()
        .map(|entry| entry.path())
        .find(|path| path.to_string_lossy().ends_with("-linux-gnu"))?;
    env::join_paths([own, of_system]).ok()
}
