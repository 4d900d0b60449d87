//! Rules of security groups as EC2 has them, and the addresses from which clients may connect because of them.

use std::fmt;
use std::net::IpAddr;
use std::str::FromStr;

use ipnet::{IpNet, Ipv4Net, Ipv6Net};
use serde::{Deserialize, Serialize};

/// The lowest and highest port.
const PORTS: std::ops::RangeInclusive<i32> = 0..=65_535;
/// ICMP's types and codes; -1 means all.
const ICMP: std::ops::RangeInclusive<i32> = -1..=255;
/// Every port, type or code.
const ALL: i32 = -1;

/// Which way a rule is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Traffic {
    /// From clients; these rules are enforced.
    Ingress,
    /// From the proxy; these rules are kept and shown.
    Egress,
}

/// A protocol in EC2's words. Source: EC2 API, `IpPermission`, `IpProtocol`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum IpProtocol {
    /// `-1`: all of them.
    All,
    /// `tcp`, number 6.
    Tcp,
    /// `udp`, number 17.
    Udp,
    /// `icmp`, number 1.
    Icmp,
    /// `icmpv6`, number 58.
    Icmpv6,
    /// Another protocol's number.
    Number(u8),
}

/// Where traffic comes from, or goes to.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum RuleSource {
    /// A network, written with no bits behind its prefix.
    Network(IpNet),
    /// Members of a security group, by its id. Clients are members of none, so this matches no client.
    Group(String),
}

/// What one rule allows.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Permission {
    /// Which way.
    pub traffic: Traffic,
    /// Which protocol.
    pub protocol: IpProtocol,
    /// First port, or ICMP's type; -1 where there are no ports.
    pub from_port: i32,
    /// Last port, or ICMP's code; -1 where there are no ports.
    pub to_port: i32,
    /// From or to where.
    pub source: RuleSource,
}

/// Why something is not a rule.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum PermissionError {
    /// Neither a name nor a number of a protocol.
    #[error("`{0}` is not a protocol: tcp, udp, icmp, icmpv6, -1 or a number from 0 to 255")]
    Protocol(String),
    /// Not a network in CIDR notation, or of the other family.
    #[error("`{0}` is not a CIDR block")]
    Network(String),
    /// Bits behind the prefix are set.
    #[error("`{given}` is not a CIDR block: the network is `{meant}`")]
    HostBits {
        /// What was given.
        given: String,
        /// The network that it lies in.
        meant: String,
    },
    /// Ports that do not exist, or in the wrong order.
    #[error("ports must lie between 0 and 65535, the first not above the last")]
    Ports,
    /// ICMP types or codes that do not exist.
    #[error("ICMP types and codes must lie between -1 and 255")]
    Icmp,
}

impl IpProtocol {
    /// EC2's name for it.
    pub fn name(self) -> String {
        match self {
            Self::All => "-1".to_owned(),
            Self::Tcp => "tcp".to_owned(),
            Self::Udp => "udp".to_owned(),
            Self::Icmp => "icmp".to_owned(),
            Self::Icmpv6 => "icmpv6".to_owned(),
            Self::Number(number) => number.to_string(),
        }
    }
}

impl FromStr for IpProtocol {
    type Err = PermissionError;

    fn from_str(text: &str) -> Result<Self, PermissionError> {
        let lower = text.to_ascii_lowercase();
        match lower.as_str() {
            "-1" | "all" => Ok(Self::All),
            "tcp" | "6" => Ok(Self::Tcp),
            "udp" | "17" => Ok(Self::Udp),
            "icmp" | "1" => Ok(Self::Icmp),
            "icmpv6" | "58" => Ok(Self::Icmpv6),
            number => number
                .parse()
                .map(Self::Number)
                .map_err(|_| PermissionError::Protocol(text.to_owned())),
        }
    }
}

impl RuleSource {
    /// An IPv4 network, such as `10.0.0.0/8`. Fails for anything else, set bits behind the prefix included.
    pub fn ipv4(text: &str) -> Result<Self, PermissionError> {
        let given: Ipv4Net = text.parse().map_err(|_| not_a_network(text))?;
        network(text, IpNet::V4(given))
    }

    /// An IPv6 network, such as `fd00::/8`. Fails for anything else, set bits behind the prefix included.
    pub fn ipv6(text: &str) -> Result<Self, PermissionError> {
        let given: Ipv6Net = text.parse().map_err(|_| not_a_network(text))?;
        network(text, IpNet::V6(given))
    }
}

fn not_a_network(text: &str) -> PermissionError {
    PermissionError::Network(text.to_owned())
}

fn network(text: &str, given: IpNet) -> Result<RuleSource, PermissionError> {
    if given == given.trunc() {
        return Ok(RuleSource::Network(given));
    }
    Err(PermissionError::HostBits {
        given: text.to_owned(),
        meant: given.trunc().to_string(),
    })
}

/// The network, or the group's id.
impl fmt::Display for RuleSource {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Network(network) => network.fmt(f),
            Self::Group(id) => f.write_str(id),
        }
    }
}

/// What [`fmt::Display`] writes.
impl FromStr for RuleSource {
    type Err = PermissionError;

    fn from_str(text: &str) -> Result<Self, PermissionError> {
        if text.starts_with("sg-") {
            return Ok(Self::Group(text.to_owned()));
        }
        let parsed = text.parse().map(Self::Network);
        parsed.map_err(|_| not_a_network(text))
    }
}

impl Permission {
    /// A rule in its normal form: a protocol without ports has -1 for both. Absent ports are 'all' where EC2
    /// takes them for all.
    pub fn new(
        traffic: Traffic,
        protocol: IpProtocol,
        ports: (Option<i32>, Option<i32>),
        source: RuleSource,
    ) -> Result<Self, PermissionError> {
        let (from_port, to_port) = match protocol {
            IpProtocol::All | IpProtocol::Number(_) => (ALL, ALL),
            IpProtocol::Tcp | IpProtocol::Udp => port_range(ports)?,
            IpProtocol::Icmp | IpProtocol::Icmpv6 => {
                let (kind, code) = (ports.0.unwrap_or(ALL), ports.1.unwrap_or(ALL));
                if !ICMP.contains(&kind) || !ICMP.contains(&code) {
                    return Err(PermissionError::Icmp);
                }
                (kind, code)
            }
        };
        Ok(Self {
            traffic,
            protocol,
            from_port,
            to_port,
            source,
        })
    }

    /// The network from which this rule lets clients connect to a TCP port.
    pub fn client_network(&self, port: u16) -> Option<IpNet> {
        let is_meant = match self.protocol {
            IpProtocol::All => true,
            IpProtocol::Tcp => (self.from_port..=self.to_port).contains(&i32::from(port)),
            IpProtocol::Udp | IpProtocol::Icmp | IpProtocol::Icmpv6 | IpProtocol::Number(_) => {
                false
            }
        };
        match (self.traffic, &self.source) {
            (Traffic::Ingress, RuleSource::Network(network)) if is_meant => Some(*network),
            (Traffic::Ingress | Traffic::Egress, RuleSource::Network(_) | RuleSource::Group(_)) => {
                None
            }
        }
    }
}

/// `-1` for both is every port, as for the other protocols.
fn port_range(ports: (Option<i32>, Option<i32>)) -> Result<(i32, i32), PermissionError> {
    match ports {
        (Some(ALL), Some(ALL)) => Ok((*PORTS.start(), *PORTS.end())),
        (Some(from), Some(to)) if from <= to && PORTS.contains(&from) && PORTS.contains(&to) => {
            Ok((from, to))
        }
        (Some(_) | None, Some(_) | None) => Err(PermissionError::Ports),
    }
}

/// Addresses from which clients may connect; none at all when the list is empty.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(transparent)]
pub struct ClientNetworks(Vec<IpNet>);

impl ClientNetworks {
    /// Every address.
    pub fn everybody() -> Self {
        Self(vec![
            IpNet::V4(Ipv4Net::default()),
            IpNet::V6(Ipv6Net::default()),
        ])
    }

    /// The addresses that these rules let connect to a TCP port.
    pub fn of<'p>(permissions: impl IntoIterator<Item = &'p Permission>, port: u16) -> Self {
        let networks = permissions.into_iter();
        let networks: Vec<IpNet> = networks
            .filter_map(|permission| permission.client_network(port))
            .collect();
        Self(IpNet::aggregate(&networks))
    }

    /// Whether a client with this address may connect. An IPv4 address inside an IPv6 one counts as IPv4.
    pub fn admit(&self, address: IpAddr) -> bool {
        let address = address.to_canonical();
        self.0.iter().any(|network| network.contains(&address))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rule(protocol: &str, ports: (i32, i32), source: &str) -> Permission {
        let ports = (Some(ports.0), Some(ports.1));
        let (protocol, source) = (protocol.parse().unwrap(), source.parse().unwrap());
        Permission::new(Traffic::Ingress, protocol, ports, source).unwrap()
    }

    fn admits(rules: &[Permission], address: &str) -> bool {
        ClientNetworks::of(rules, 5432).admit(address.parse().unwrap())
    }

    #[test]
    fn a_rule_admits_its_network_on_its_ports() {
        let here = rule("tcp", (5432, 5432), "10.1.0.0/16");
        assert!(admits(std::slice::from_ref(&here), "10.1.255.255"));
        assert!(!admits(std::slice::from_ref(&here), "10.2.0.0"));
        assert!(!admits(
            &[rule("tcp", (3306, 3306), "10.1.0.0/16")],
            "10.1.0.1"
        ));
        assert!(!admits(
            &[rule("udp", (5432, 5432), "10.1.0.0/16")],
            "10.1.0.1"
        ));
        assert!(admits(&[rule("6", (0, 65_535), "10.1.0.1/32")], "10.1.0.1"));
        assert!(admits(&[rule("-1", (0, 0), "0.0.0.0/0")], "192.0.2.1"));
    }

    #[test]
    fn an_ipv4_address_inside_an_ipv6_one_is_the_ipv4_address() {
        let rules = [rule("-1", (0, 0), "127.0.0.0/8")];
        assert!(admits(&rules, "::ffff:127.0.0.1"));
        assert!(!admits(&[rule("-1", (0, 0), "::/0")], "::ffff:127.0.0.1"));
        assert!(admits(&[rule("-1", (0, 0), "::/0")], "::1"));
    }

    #[test]
    fn nobody_is_admitted_without_a_rule_for_clients() {
        assert!(!admits(&[], "127.0.0.1"));
        assert!(!admits(&[rule("-1", (0, 0), "sg-0a1b2c3d")], "127.0.0.1"));
        let mut out = rule("-1", (0, 0), "0.0.0.0/0");
        out.traffic = Traffic::Egress;
        assert!(!admits(&[out], "127.0.0.1"));
        assert!(ClientNetworks::everybody().admit("::1".parse().unwrap()));
        assert!(!ClientNetworks::default().admit("::1".parse().unwrap()));
    }

    #[test]
    fn protocols_have_one_name() {
        for (given, name) in [("6", "tcp"), ("UDP", "udp"), ("all", "-1"), ("50", "50")] {
            assert_eq!(given.parse::<IpProtocol>().unwrap().name(), name);
        }
        for wrong in ["", "256", "sctp?", "-2"] {
            assert!(wrong.parse::<IpProtocol>().is_err(), "{wrong}");
        }
    }

    #[test]
    fn sources_and_ports_that_do_not_exist_are_refused() {
        let error = RuleSource::ipv4("10.1.2.3/8").unwrap_err();
        assert!(error.to_string().contains("10.0.0.0/8"), "{error}");
        for wrong in ["::/0", "10.0.0.0", "10.0.0.0/33", "here"] {
            assert!(RuleSource::ipv4(wrong).is_err(), "{wrong}");
        }
        assert!(RuleSource::ipv6("fd00::/8").is_ok());
        assert!(RuleSource::ipv6("0.0.0.0/0").is_err());
        let any = || RuleSource::ipv4("0.0.0.0/0").unwrap();
        for ports in [(Some(2), Some(1)), (Some(0), None), (Some(0), Some(65_536))] {
            let made = Permission::new(Traffic::Ingress, IpProtocol::Tcp, ports, any());
            assert_eq!(made, Err(PermissionError::Ports), "{ports:?}");
        }
        let icmp = (Some(300), None);
        let made = Permission::new(Traffic::Ingress, IpProtocol::Icmp, icmp, any());
        assert_eq!(made, Err(PermissionError::Icmp));
    }

    #[test]
    fn sources_are_read_as_they_are_written() {
        for text in ["10.0.0.0/8", "fd00::/8", "sg-0a1b2c3d"] {
            assert_eq!(text.parse::<RuleSource>().unwrap().to_string(), text);
        }
    }
}
