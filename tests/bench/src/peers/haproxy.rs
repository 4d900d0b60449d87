//! `HAProxy`, forwarding TCP on one thread: what a hop costs that understands nothing.

use anyhow::Result;
use tollgate_testkit::ClientTls;

use super::{Place, Recipe};
use crate::{
    door::{Entry, Tls},
    stage::USER,
    system::System,
};

pub(super) fn recipe(place: &Place<'_>) -> Result<Recipe> {
    Ok(Recipe {
        arguments: arguments(place)?,
        doors: vec![(
            Entry::Cheap(Tls::Off),
            place.door(System::HaProxy, USER, None),
        )],
    })
}

/// TLS goes through to the server as it is.
pub(super) fn recipe_for_mysql(place: &Place<'_>) -> Result<Recipe> {
    let trust = ClientTls::trusting(&place.behind.authority.cert_pem())?;
    Ok(Recipe {
        arguments: arguments(place)?,
        doors: vec![(
            Entry::Cheap(Tls::On),
            place.door(System::HaProxy, USER, Some(trust)),
        )],
    })
}

fn arguments(place: &Place<'_>) -> Result<Vec<String>> {
    let settings = format!(
        "global\n nbthread 1\n maxconn 2000\ndefaults\n mode tcp\n timeout connect 10s\n timeout client 1h\n \
         timeout server 1h\n backlog 1024\nlisten database\n bind 127.0.0.1:{}\n server one 127.0.0.1:{}\n",
        place.port, place.behind.server_port
    );
    let file = place.write("haproxy.cfg", &settings)?;
    Ok(["-db", "-f", &file].map(str::to_owned).to_vec())
}
