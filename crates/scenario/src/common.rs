//! The stages that all chapters share: options, addresses, errors, exit statuses. Promises C1 to C8.

use std::net::{TcpListener, UdpSocket};

use socket2::{Domain, Socket, Type};

use crate::folder::Folder;
use crate::lab::Lab;
use crate::profile::{Profile, WithClient, WithServer};
use crate::program::Program;
use crate::role::{Role, Transport};
use crate::stage::Stage;
use crate::stages;
use crate::trouble::{Breaking, Outcome, demand, skip};

/// The shared stages of a chapter.
pub(crate) fn stages(profile: &Profile) -> Vec<Stage> {
    let &Profile { default_port: port, with_server, with_client, server_options, client_options, .. } = profile;
    let transport = profile.transport();
    let explains_its_options = || help(Stage::server("--help explains every option, with an example"), server_options);
    let listens_where_it_says = || listening(transport, with_server);
    let listens_on_the_given_port = || given_port(with_server);
    let says_that_the_port_is_taken = || port_taken(transport);
    let refuses_a_wrong_command_line = wrong_server_usage;
    let listens_on_its_default_port = || server_default_port(transport, port);
    let speaks_ipv6 = || server_ipv6(with_server);
    let takes_a_name = || server_name(with_server);
    let mut all = stages![
        listens_where_it_says,
        listens_on_the_given_port,
        says_that_the_port_is_taken,
        refuses_a_wrong_command_line,
        explains_its_options,
        listens_on_its_default_port,
        takes_a_name,
        speaks_ipv6,
    ];
    let explains_its_options = || help(Stage::client("--help explains every option, with an example"), client_options);
    let refuses_a_wrong_command_line = || wrong_client_usage(with_client, client_options);
    let calls_its_default_port = || client_default_port(with_client, port);
    let speaks_ipv6 = || client_ipv6(with_client);
    let resolves_names = || client_names(with_client);
    let says_that_a_name_is_unknown = || unknown_name(with_client);
    all.extend(stages![
        refuses_a_wrong_command_line,
        explains_its_options,
        calls_its_default_port,
        resolves_names,
        says_that_a_name_is_unknown,
        speaks_ipv6,
    ]);
    if transport == Transport::Tcp {
        let tries_every_address = || every_address(with_client);
        let says_that_nobody_listens = || nobody_listens(with_client);
        let does_not_wait_for_ever_to_connect = || no_answer_to_connect(with_client);
        all.extend(stages![tries_every_address, says_that_nobody_listens, does_not_wait_for_ever_to_connect]);
    }
    all
}

fn listening(transport: Transport, exchange: WithServer) -> Stage {
    Stage::server("The first line says where it listens, and there it listens")
        .promises(["C2", "C4"])
        .why(
            "Port 0 lets the system pick a free port, so no two programs can collide; but then only the program knows \
             which. Whoever started it reads the line and connects at once: the socket must be ready before the line is \
             out, and the line must not wait in a buffer.",
        )
        .hints([
            "Which call tells a socket's real address once it is bound?",
            "Bind first, then ask for `local_addr`, then print. Do not print the address from the command line.",
            "let socket = …::bind(&args.bind)?; say(format_args!(\"listening on {}\", socket.local_addr()?))?;",
        ])
        .story(move |lab| {
            let server = lab.server()?;
            let address = server.address();
            demand(address.ip().to_string() == "127.0.0.1", || {
                format!("Your server says that it listens on {address}, where `--bind 127.0.0.1:0` was asked for.")
            })?;
            exchange(lab, &server)?;
            only_there(transport, &server)?;
            server.stops_when_asked()?;
            if UdpSocket::bind("127.0.0.2:0").is_ok() {
                let other = lab.server_at("127.0.0.2:0")?;
                demand(other.address().ip().to_string() == "127.0.0.2", || {
                    format!("Your server says that it listens on {}, where `--bind 127.0.0.2:0` was asked for.", other.address())
                })?;
            }
            lab.lowers_the_curtain()
        })
}

/// On Linux, all of 127.0.0.0/8 is this machine: a server that was asked for 127.0.0.1 must not answer on 127.0.0.3, an
/// address that nothing else here uses.
fn only_there(transport: Transport, server: &Program) -> Outcome {
    let port = server.address().port();
    let taken = match transport {
        Transport::Tcp => TcpListener::bind(("127.0.0.3", port)).is_err(),
        Transport::Udp => UdpSocket::bind(("127.0.0.3", port)).is_err(),
    };
    let another_can_listen_here = UdpSocket::bind("127.0.0.3:0").is_ok();
    demand(!(taken && another_can_listen_here), || {
        "Your server listens on every address of the machine, where only 127.0.0.1 was asked for.".to_owned()
    })
}

fn given_port(exchange: WithServer) -> Stage {
    Stage::server("It listens on the very port that it was given")
        .promises(["C2"])
        .why("Clients know a server by its port. A server that takes another one cannot be found.")
        .hints([
            "Where does the port of `--bind` go in your program?",
            "The string HOST:PORT can be handed to `bind` as it is.",
            "TcpListener::bind(&args.bind) or UdpSocket::bind(&args.bind)",
        ])
        .story(move |lab| {
            let server = lab.server_on_a_chosen_port()?;
            exchange(lab, &server)
        })
}

fn port_taken(transport: Transport) -> Stage {
    Stage::server("A port that is taken is an error that says so")
        .promises(["C5", "C2"])
        .why(
            "One port belongs to one program. The usual reason to see this is your own server, forgotten in another \
             terminal: an error that names the address saves the search.",
        )
        .hints([
            "What does `bind` return when somebody else has the port?",
            "Let the error travel to `main` with `?`, with the address added by `with_context`.",
            "…::bind(&args.bind).with_context(|| format!(\"cannot listen on {}\", args.bind))?",
        ])
        .story(move |lab| {
            // A bound socket that does not listen would keep the port, but a listener keeps it on every system.
            let (_listener, _socket, address) = match transport {
                Transport::Tcp => {
                    let listener = TcpListener::bind("127.0.0.1:0")?;
                    let address = listener.local_addr()?;
                    (Some(listener), None, address)
                }
                Transport::Udp => {
                    let socket = UdpSocket::bind("127.0.0.1:0")?;
                    let address = socket.local_addr()?;
                    (None, Some(socket), address)
                }
            };
            let server = lab.start_server_at(&address.to_string(), &[])?;
            if let Some(line) = server.line_within(lab.patience()) {
                let because = format!("Your server printed `{line}` on stdout, although another program has the port.");
                return demand(false, || because).breaking(&["C4"]);
            }
            let taken = server.fails_saying(&[&address.port().to_string()])?;
            // Another reason: an address of the documentation (RFC 5737), which no machine has as a rule.
            let foreign = format!("192.0.2.1:{}", address.port());
            if UdpSocket::bind("192.0.2.1:0").is_ok() {
                return Ok(());
            }
            let server = lab.start_server_at(&foreign, &[])?;
            let not_ours = server.fails_saying(&[&address.port().to_string()])?;
            says_why(taken.replace(&address.to_string(), "ADDRESS"), not_ours.replace(&foreign, "ADDRESS"))
        })
}

/// Two failures with different reasons must not be told in the same words.
fn says_why(one: String, other: String) -> Outcome {
    demand(one != other, || format!("`{one}` says what was tried, and not why it failed."))
}

/// The `errand` alone would do: it is what comes after it that is wrong.
fn wrong_usage(stage: Stage, errand: &'static [&'static str], wrong: Vec<&'static [&'static str]>) -> Stage {
    let role = stage.role();
    stage
        .promises(["C5"])
        .why(
            "Scripts tell by the exit status what went wrong: 2 means that the command line itself is at fault, 1 that \
             something failed on the way.",
        )
        .hints([
            "Which options can be wrong before a socket is even opened?",
            "clap ends with status 2 by itself for what it does not know; a `value_parser` lets it check a value.",
            "#[arg(long, value_parser = host_port)] bind: String",
        ])
        .story(move |lab| {
            wrong.iter().try_for_each(|arguments| lab.bare(role, &[errand, arguments].concat())?.refuses_usage())
        })
}

fn wrong_server_usage() -> Stage {
    let stage = Stage::server("A wrong command line ends with status 2");
    let wrong = vec![
        &["--no-such-option"][..],
        &["--bind"],
        &["--bind", "127.0.0.1"],
        &["--bind", "127.0.0.1:"],
        &["--bind", "127.0.0.1:65536"],
        &["--bind", "127.0.0.1:80x"],
        // Out of range where there is a timeout, and unknown where there is none.
        &["--timeout=-1"],
    ];
    wrong_usage(stage, &[], wrong)
}

fn wrong_client_usage(exchange: WithClient, options: &[&str]) -> Stage {
    let stage = Stage::client("A wrong command line ends with status 2");
    let mut wrong = vec![&["--no-such-option"][..]];
    if !matches!(exchange, WithClient::Url(_)) {
        wrong.extend([
            &["--connect"][..],
            &["--connect", "127.0.0.1"],
            &["--connect", "127.0.0.1:"],
            &["--connect", "127.0.0.1:65536"],
            &["--connect", "127.0.0.1:80x"],
        ]);
    }
    if options.contains(&"--timeout") {
        wrong.extend([&["--timeout"][..], &["--timeout", "soon"], &["--timeout", "5x"], &["--timeout=-1"]]);
    }
    wrong_usage(stage, exchange.arguments(), wrong)
}

fn help(stage: Stage, options: &'static [&'static str]) -> Stage {
    let role = stage.role();
    stage
        .promises(["C1"])
        .why("`--help` is the first thing that a stranger types. Most people read the example, and only that.")
        .hints([
            "clap writes the help from your doc comments. What does it not know?",
            "Every option needs a doc comment; the example goes into `after_help`.",
            "#[command(after_help = \"Example:\\n  server --bind 127.0.0.1:8090\")]",
        ])
        .story(move |lab| {
            let program = lab.bare(role, &["--help"])?;
            let finished = program.ends()?;
            let name = role.name();
            demand(finished.code == Some(0), || {
                let status = finished.code.map_or("a signal".to_owned(), |code| format!("status {code}"));
                format!("Your {name} ended with {status} after `--help`; help was asked for and given, so it is 0.")
            })?;
            for option in options {
                demand(finished.stdout.contains(option), || {
                    format!("The help of your {name} on stdout does not explain `{option}`.")
                })?;
            }
            demand(has_example(&finished.stdout), || format!("The help of your {name} has no example."))
        })
}

/// A word that says that there is one, or a command line with a real address in it.
fn has_example(help: &str) -> bool {
    // A program may be called `no_example.py`, and say so in its usage.
    let words = help.split(|c: char| !c.is_alphanumeric() && !"_-./".contains(c)).map(str::to_lowercase);
    let says_so = |word: String| matches!(word.as_str(), "example" | "examples" | "e.g.") || word.contains('例');
    let has_port = |address: &str| address.rsplit_once(':').is_some_and(|(_, port)| port.parse::<u16>().is_ok());
    let pieces: Vec<_> = help.split_whitespace().collect();
    let calls = |line: &str| line.split_once("client").is_some_and(|(_, rest)| rest.contains(" http://"));
    words.into_iter().any(says_so)
        || help.lines().any(calls)
        || pieces.windows(2).any(|pair| matches!(pair[0], "--bind" | "--connect") && has_port(pair[1]))
}

fn server_default_port(transport: Transport, port: u16) -> Stage {
    Stage::server("Without arguments it listens on its default port")
        .promises(["C1", "C2"])
        .why("A program that runs with nothing but its name can be tried at once; 127.0.0.1 keeps the trial on this machine.")
        .hints([
            "What does your program do when `--bind` is not given?",
            "clap takes a `default_value`. 127.0.0.1, not 0.0.0.0: nobody else on the network should reach an exercise.",
            "#[arg(long, default_value = \"127.0.0.1:…\")] with the port of the brief",
        ])
        .story(move |lab| {
            lab.reserve_default_port(transport, port)?;
            let server = lab.bare_server().or_else(|_| {
                // Somebody who knows nothing of labs may have been quicker: then the port is seen to be taken.
                lab.clears_the_stage();
                lab.reserve_default_port(transport, port)?;
                lab.bare_server()
            })?;
            let (address, due) = (server.address().to_string(), format!("127.0.0.1:{port}"));
            demand(address == due, || format!("Your server listens on {address}; without arguments it is {due}."))?;
            if transport == Transport::Tcp {
                // A reset leaves no TIME_WAIT behind, which would keep the port from others for a minute.
                lab.tcp("alice", &server)?.resets()?;
            }
            lab.lowers_the_curtain()
        })
}

fn client_default_port(exchange: WithClient, port: u16) -> Stage {
    Stage::client("Without arguments it calls its server's default port")
        .promises(["C1"])
        .why("Server and client share one default, so that the two find each other with no options at all.")
        .hints([
            "What does your program do when `--connect` is not given?",
            "clap takes a `default_value`; it is the address on which the server listens by default.",
            "#[arg(long, default_value = \"127.0.0.1:…\")] with the port of the brief",
        ])
        .story(move |lab| {
            let address = format!("127.0.0.1:{port}");
            let arguments = exchange.arguments();
            let _home = home_for_errands(lab, exchange)?;
            match exchange {
                WithClient::Tcp(_) | WithClient::Url(_) => {
                    lab.reserve_default_port(Transport::Tcp, port)?;
                    let server = lab.tcp_server_on(&[&address]).or_else(|_| taken_meanwhile(port))?;
                    let _client = lab.bare(Role::Client, &[])?;
                    server.accept()?.resets()?;
                    lab.lowers_the_curtain()
                }
                WithClient::Udp(exchange) | WithClient::UdpCommand(_, exchange) => {
                    lab.reserve_default_port(Transport::Udp, port)?;
                    let server = lab.udp_server_on(&[&address]).or_else(|_| taken_meanwhile(port))?;
                    let client = lab.bare(Role::Client, arguments)?;
                    exchange(lab, server, &client)
                }
            }
        })
}

/// Somebody who knows nothing of labs was quicker.
fn taken_meanwhile<T>(port: u16) -> Outcome<T> {
    skip(format!("port {port} was taken by another program meanwhile"))
}

/// `[::1]:0`, or nothing where the machine has no IPv6.
fn ipv6() -> Outcome<&'static str> {
    const ADDRESS: &str = "[::1]:0";
    match UdpSocket::bind(ADDRESS) {
        Ok(_) => Ok(ADDRESS),
        Err(error) => skip(format!("this machine has no IPv6: {error}")),
    }
}

fn server_ipv6(exchange: WithServer) -> Stage {
    Stage::server("It listens on IPv6, too")
        .promises(["C3", "C2"])
        .why("An IPv6 address has colons of its own, so it is written in brackets before the port (RFC 3986, section 3.2.2).")
        .hints([
            "How is `[::1]:8090` taken apart in your program?",
            "Best not at all: the standard library reads HOST:PORT, brackets and all.",
            "…::bind(\"[::1]:8090\"); if you need the parts, split at the last colon",
        ])
        .story(move |lab| {
            let server = lab.server_at(ipv6()?)?;
            demand(server.address().ip().to_string() == "::1", || {
                format!("Your server listens on {}, where `--bind [::1]:0` was asked for.", server.address())
            })?;
            exchange(lab, &server)
        })
}

fn server_name(exchange: WithServer) -> Stage {
    Stage::server("It looks up the name of the address to listen on, and says which address that is")
        .promises(["C3", "C2"])
        .why("People write names, sockets have addresses. The listening line is for programs, and names the address itself.")
        .hints([
            "What does your program do with `--bind localhost:8090`, and what does it print then?",
            "`bind` takes a string with a name; print `local_addr`, not the string.",
            "let socket = …::bind(&args.bind)?; say(format_args!(\"listening on {}\", socket.local_addr()?))?;",
        ])
        .story(move |lab| {
            let server = lab.server_at("localhost:0")?;
            demand(server.address().ip().is_loopback(), || {
                format!("Your server listens on {}, where `--bind localhost:0` was asked for.", server.address())
            })?;
            exchange(lab, &server)
        })
}

fn client_ipv6(exchange: WithClient) -> Stage {
    Stage::client("It calls an IPv6 address")
        .promises(["C3"])
        .why("An IPv6 address has colons of its own, so it is written in brackets before the port (RFC 3986, section 3.2.2).")
        .hints([
            "How is `[::1]:8090` taken apart in your program?",
            "Best not at all: the standard library reads HOST:PORT, brackets and all. A UDP socket must be bound to an address of the same family.",
            "match server { SocketAddr::V4(_) => UdpSocket::bind((Ipv4Addr::UNSPECIFIED, 0)), SocketAddr::V6(_) => … }",
        ])
        .story(move |lab| {
            let address = ipv6()?;
            call(lab, exchange, &[address], "[::1]")
        })
}

fn client_names(exchange: WithClient) -> Stage {
    Stage::client("It looks up a name")
        .promises(["C3"])
        .why("People remember names. The system turns a name into addresses, from a file or by asking DNS.")
        .hints([
            "What does your program do with `localhost:8090`?",
            "A `SocketAddr` cannot be parsed from a name; `to_socket_addrs` asks the system.",
            "for address in \"localhost:8090\".to_socket_addrs()? { … }",
        ])
        .story(move |lab| {
            let both = ["127.0.0.1:0", "[::1]:0"];
            let addresses = if ipv6().is_ok() { &both[..] } else { &both[..1] };
            call(lab, exchange, addresses, "localhost")
        })
}

fn unknown_name(exchange: WithClient) -> Stage {
    Stage::client("A name that nobody knows is an error that says so")
        .promises(["C5", "C3"])
        .why("Most names that are not found are mistyped. The error shows the name as the program understood it.")
        .hints([
            "What does your look-up return for a name that there is not?",
            "An error: let it travel to `main` with `?`, with the name added by `with_context`.",
            "name.to_socket_addrs().with_context(|| format!(\"cannot look up {name}\"))?",
        ])
        .story(move |lab| {
            lab.knows_names("")?;
            let _home = home_for_errands(lab, exchange)?;
            let client = lab.client(exchange.target("no-such-host.invalid:1"), exchange.arguments())?;
            client.fails(&["no-such-host.invalid"])?;
            // No name at all: some libraries find that out before they ask anybody, and complain in another way.
            let client = lab.client(exchange.target("a..b:1"), exchange.arguments())?;
            let finished = client.ends()?;
            demand(matches!(finished.code, Some(1 | 2)), || {
                "Your client did not end with an error, where its server was to be `a..b`.".to_owned()
            })
        })
}

/// A client with an errand may leave files where it was started.
fn home_for_errands(lab: &mut Lab, exchange: WithClient) -> Outcome<Option<Folder>> {
    if exchange.arguments().is_empty() {
        return Ok(None);
    }
    let folder = lab.folder("home")?;
    lab.at_home_in(&folder);
    Ok(Some(folder))
}

/// Lets the client call `host`, and plays the exchange with it.
fn call(lab: &mut Lab, exchange: WithClient, addresses: &[&str], host: &str) -> Outcome {
    let arguments = exchange.arguments();
    let _home = home_for_errands(lab, exchange)?;
    let target = |port: u16| exchange.target(&format!("{host}:{port}"));
    match exchange {
        WithClient::Tcp(exchange) | WithClient::Url(exchange) => {
            let server = lab.tcp_server_on(addresses)?;
            let client = lab.client(target(server.address().port()), &[])?;
            exchange(lab, server, &client)
        }
        WithClient::Udp(exchange) | WithClient::UdpCommand(_, exchange) => {
            let server = lab.udp_server_on(addresses)?;
            let client = lab.client(target(server.port()), arguments)?;
            exchange(lab, server, &client)
        }
    }
}

fn every_address(exchange: WithClient) -> Stage {
    Stage::client("It tries every address that a name stands for")
        .promises(["C3"])
        .why(
            "`localhost` is often both [::1] and 127.0.0.1, and a server may listen on one of them only. A client that \
             gives up after the first address is refused by a server that is there.",
        )
        .hints([
            "How many addresses does your look-up return, and how many do you try?",
            "Loop over `to_socket_addrs`; keep the error and go on; fail with the last one.",
            "for address in name.to_socket_addrs()? { match TcpStream::connect_timeout(&address, left) { Ok(stream) => return Ok(stream), Err(error) => last = error } }",
        ])
        .story(move |lab| {
            // Which of the two comes first is the system's choice, so each is the only one that is there once.
            lab.knows_names("127.0.0.1 twin.test\n127.0.0.2 twin.test\n")?;
            for (there, absent) in [("127.0.0.1:0", "127.0.0.2:0"), ("127.0.0.2:0", "127.0.0.1:0")] {
                let (server, _refusing) = lab.tcp_server_beside(there, absent)?;
                let _client = lab.client(exchange.target(&format!("twin.test:{}", server.address().port())), &[])?;
                server.accept()?.resets()?;
            }
            lab.lowers_the_curtain()
        })
}

fn nobody_listens(exchange: WithClient) -> Stage {
    Stage::client("A server that is not there is an error that says so")
        .promises(["C5"])
        .why(
            "A port where nobody listens answers a connection attempt with RST: \"connection refused\". The user must learn \
             which address it was, because the usual reason is a wrong port.",
        )
        .hints([
            "What does connecting return when nobody listens?",
            "Let the error travel to `main` with `?`, with the address added by `with_context`.",
            "TcpStream::connect(…).with_context(|| format!(\"cannot connect to {}\", args.connect))?",
        ])
        .story(move |lab| {
            // Bound, so that nobody else can get the port; not listening, so that the system refuses.
            let (_closed, port) = bound_but_closed()?;
            let client = lab.client(exchange.target(&format!("127.0.0.1:{port}")), &[])?;
            client.fails(&[&port.to_string()])
        })
}

fn bound_but_closed() -> Outcome<(Socket, u16)> {
    let socket = crate::lab::closed_port(std::net::SocketAddr::from(([127, 0, 0, 1], 0)))?;
    let port = socket.local_addr()?.as_socket_ipv4().map_or(0, |address| address.port());
    Ok((socket, port))
}

fn no_answer_to_connect(exchange: WithClient) -> Stage {
    Stage::client("It does not wait for ever to be connected")
        .promises(["C8", "C5"])
        .why(
            "A machine that is switched off, or a firewall that drops packets, answers nothing at all. Left to itself, the \
             system goes on trying for minutes.",
        )
        .hints([
            "What bounds the time that connecting takes in your program?",
            "`TcpStream::connect` has no limit of its own; `connect_timeout` has.",
            "TcpStream::connect_timeout(&address, args.timeout)",
        ])
        .story(move |lab| {
            let (_full, port, _queue) = full_backlog()?;
            let client = lab.client(exchange.target(&format!("127.0.0.1:{port}")), &["--timeout", "0.2"])?;
            let silent = client.fails_saying(&[&port.to_string()])?;
            let (_closed, other_port) = bound_but_closed()?;
            let client = lab.client(exchange.target(&format!("127.0.0.1:{other_port}")), &[])?;
            let refused = client.fails_saying(&[&other_port.to_string()])?;
            says_why(silent.replace(&port.to_string(), "PORT"), refused.replace(&other_port.to_string(), "PORT"))
        })
}

/// A listener whose queue is full: the system drops further attempts without a word, like a firewall.
fn full_backlog() -> Outcome<(Socket, u16, Vec<Socket>)> {
    let (listener, port) = bound_but_closed()?;
    listener.listen(0)?;
    let address = listener.local_addr()?;
    let (mut queue, mut silences) = (Vec::new(), 0);
    for _ in 0..16 {
        let caller = Socket::new(Domain::IPV4, Type::STREAM, None)?;
        let waits = caller.connect_timeout(&address, std::time::Duration::from_millis(50)).is_err();
        queue.push(caller);
        // One silence may be a busy machine; two in a row are a full queue.
        silences = if waits { silences + 1 } else { 0 };
        if silences == 2 {
            return Ok((listener, port, queue));
        }
    }
    skip("this system takes connections that nobody accepts")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_example_is_a_word_or_a_command_line() {
        assert!(has_example("Example:\n  server --bind 127.0.0.1:80"));
        assert!(has_example("usage: server\n\nserver --bind 127.0.0.1:80"));
        assert!(has_example("listens there, e.g. server"));
        assert!(has_example("usage: client [URL]\n\n  client -L http://localhost/"));
        assert!(!has_example("usage: client [URL]\n\nURL: what to fetch (default: http://localhost/)"));
        assert!(!has_example("usage: no_example.py [--bind HOST:PORT]\n --bind HOST:PORT (default: 127.0.0.1:80)"));
    }
}
