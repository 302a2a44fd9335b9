//! The lab: starts the programs under test, plays whoever they talk to, and cleans up.

use std::fs::File;
use std::hash::{BuildHasher, Hasher, RandomState};
use std::net::{SocketAddr, TcpListener, TcpStream, ToSocketAddrs, UdpSocket};
use std::path::PathBuf;
use std::process::Command;
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

use socket2::{Domain, Socket, Type};
use supervise::Line;
use transcript::Act;
use wiretap::{Tap, TcpTap, UdpTap};

use crate::folder::Folder;
use crate::launch::{Launch, Programs};
use crate::names::Names;
use crate::program::{Program, shown};
use crate::role::{Role, Transport};
use crate::scene::{GLANCE, Scene};
use crate::stage::Describe;
use crate::tcp::{Porter, TcpPeer};
use crate::trouble::{Outcome, Trouble, broken, skip};
use crate::udp::UdpPeer;
use crate::view::LittleRoom;

/// How much a program may grow without anybody's asking why.
const GARBAGE: u64 = 8 << 20;

/// The address of a server that may choose its port.
const ANY_PORT: &str = "127.0.0.1:0";

/// Where one stage happens. What was started here ends with it.
pub struct Lab {
    pub(crate) scene: Scene,
    programs: Programs,
    environment: Vec<(String, String)>,
    names: Option<Names>,
    little_room: Option<LittleRoom>,
    /// Where programs are started, if not where the checker was.
    home: Option<PathBuf>,
    /// The names and paths of the folders that the story has.
    folders: Vec<(String, String)>,
    /// Locks that are kept until the programs have ended.
    locks: Vec<File>,
    /// Connections that are kept until the programs have ended.
    guests: Vec<TcpPeer>,
}

impl Lab {
    pub(crate) fn new(programs: Programs, describe: Describe) -> Lab {
        Lab {
            scene: Scene::new(describe),
            programs,
            environment: Vec::new(),
            names: None,
            little_room: None,
            home: None,
            folders: Vec::new(),
            locks: Vec::new(),
            guests: Vec::new(),
        }
    }

    /// How long something that must come is waited for.
    pub fn patience(&self) -> Duration {
        self.scene.patience()
    }

    /// Sets a variable in the environment of the programs that are started from now on.
    pub fn environment(&mut self, name: &str, value: &str) {
        self.environment.push((name.to_owned(), value.to_owned()));
    }

    // Files.

    /// An empty folder, which goes with the value. `name` stands for it in the transcript.
    ///
    /// # Errors
    ///
    /// The system gives none.
    pub fn folder(&mut self, name: &str) -> Outcome<Folder> {
        let folder = Folder::new()?;
        self.scene.transcript().introduce(name, folder.path().display());
        self.folders.push((name.to_owned(), folder.path().display().to_string()));
        Ok(folder)
    }

    /// The programs that are started from now on are started in this folder.
    pub fn at_home_in(&mut self, folder: &Folder) {
        self.home = Some(folder.path().to_owned());
    }

    /// For the programs that are started from now on, this folder has room for so many bytes only. What they put there,
    /// nobody else sees.
    ///
    /// # Errors
    ///
    /// Skips the stage where the system has no private view of files for a program (only Linux has, and not always).
    pub fn leaves_little_room_in(&mut self, folder: &Folder, bytes: u64) -> Outcome {
        self.little_room = Some(LittleRoom::new(folder.path(), bytes)?);
        Ok(())
    }

    // The programs under test.

    /// Starts the server on a free port and waits for its listening line.
    ///
    /// # Errors
    ///
    /// It does not say where it listens.
    pub fn server(&mut self) -> Outcome<Program> {
        self.server_at(ANY_PORT)
    }

    /// Starts the server on a free port with more options, and waits for its listening line.
    ///
    /// # Errors
    ///
    /// It does not say where it listens.
    pub fn server_with(&mut self, more: &[&str]) -> Outcome<Program> {
        self.server_at_with(ANY_PORT, more)
    }

    /// Starts the server at an address and waits for its listening line.
    ///
    /// # Errors
    ///
    /// It does not say where it listens.
    pub fn server_at(&mut self, bind: &str) -> Outcome<Program> {
        self.server_at_with(bind, &[])
    }

    /// Starts the server at an address with more options, and waits for its listening line.
    ///
    /// # Errors
    ///
    /// It does not say where it listens.
    pub fn server_at_with(&mut self, bind: &str, more: &[&str]) -> Outcome<Program> {
        if let Some(trouble) = self.programs.silence.certain() {
            return Err(trouble);
        }
        let mut server = self.start_server_at(bind, more)?;
        let listening = server.listens();
        match &listening {
            Err(trouble) if !server.has_spoken() => self.programs.silence.heard(trouble),
            _ => self.programs.silence.broken(),
        }
        listening.map(|()| server)
    }

    /// Starts the server on a free port that the lab chose.
    ///
    /// # Errors
    ///
    /// It does not listen there.
    pub fn server_on_a_chosen_port(&mut self) -> Outcome<Program> {
        const TRIES: u32 = 3;
        for attempt in 1.. {
            let due = SocketAddr::from(([127, 0, 0, 1], free_port()?));
            let mut server = self.start_server_at(&due.to_string(), &[])?;
            match server.listens() {
                Ok(()) if server.address() == due => return Ok(server),
                Ok(()) => {
                    let because = format!("Your server listens on {}, where {due} was asked for.", server.address());
                    return Err(broken(because).of(&["C2"]));
                }
                // Somebody else may have taken the port meanwhile: no fault of the server's.
                Err(_) if server.has_ended() && attempt < TRIES => {}
                Err(trouble) => return Err(trouble),
            }
        }
        unreachable!("the last attempt returns")
    }

    /// Starts the server at an address, and leaves it to the story what should happen.
    ///
    /// # Errors
    ///
    /// It cannot be started.
    pub fn start_server_at(&mut self, bind: &str, more: &[&str]) -> Outcome<Program> {
        let command = self.launch(Role::Server)?.server(bind, more);
        self.start(Role::Server, command)
    }

    /// Starts the client with an address to connect to, and more arguments.
    ///
    /// # Errors
    ///
    /// It cannot be started.
    pub fn client(&mut self, server: impl ToString, more: &[&str]) -> Outcome<Program> {
        let command = self.launch(Role::Client)?.client(&server.to_string(), more);
        self.start(Role::Client, command)
    }

    /// Starts a program with these arguments and no others.
    ///
    /// # Errors
    ///
    /// It cannot be started, or was given with places for host and port, and then takes no other arguments.
    pub fn bare(&mut self, role: Role, arguments: &[&str]) -> Outcome<Program> {
        let launch = self.launch(role)?;
        if launch.has_places() {
            return skip("the given command line says itself where host and port go");
        }
        let command = launch.with(arguments);
        self.start(role, command)
    }

    /// Tells a long part of the story in one line of the transcript. If it fails, its last lines stay.
    ///
    /// # Errors
    ///
    /// Those of the part.
    pub fn in_short(&mut self, actor: &str, summary: &str, part: impl FnOnce(&mut Lab) -> Outcome) -> Outcome {
        let before = self.scene.transcript().entries().len();
        let outcome = part(self);
        self.scene.transcript().shorten(before, if outcome.is_ok() { 0 } else { 6 });
        if outcome.is_ok() {
            self.scene.note(actor, Act::Does, summary);
        }
        outcome
    }

    /// The stage's time begins anew: a program that has got so far is perhaps slow, but not stuck.
    pub fn grants_more_time(&self) {
        self.scene.begins_now();
    }

    /// Lets a peer send to the program, and its memory must not grow with it.
    ///
    /// `send` returns how many bytes it sent. A language that collects garbage grows for a while before it does, so more
    /// is sent until the memory is small beside it; a program that keeps what it gets grows as long as one sends.
    ///
    /// # Errors
    ///
    /// The memory grows with what is sent.
    pub fn memory_stays(&mut self, program: &Program, mut send: impl FnMut(&mut Lab) -> Outcome<u64>) -> Outcome {
        const ROUNDS: u32 = 12;
        let Some(before) = program.memory() else { return Ok(()) };
        let (mut sent, mut grown) = (0, 0);
        for _ in 0..ROUNDS {
            let (earlier, round) = (grown, send(self)?);
            sent += round;
            grown = program.memory().map_or(0, |now| now.saturating_sub(before));
            let has_settled = grown - earlier.min(grown) < round / 2;
            // Little may have been sent because the program is slow just now.
            if if grown < GARBAGE { sent > GARBAGE * 5 / 4 || round == 0 } else { has_settled } {
                return Ok(());
            }
        }
        if grown < GARBAGE {
            return Ok(());
        }
        let megabytes = |bytes: u64| bytes / 1_000_000;
        let because = format!("grew by {} MB while {} MB were sent to it.", megabytes(grown), megabytes(sent));
        Err(broken(format!("{} {because}", crate::scene::capital(&program.name()))).of(&["C10"]))
    }

    /// The same in portions, each of which returns how many bytes it sent. A round of them is much for a program that is
    /// quick, less for one that takes every byte by itself, and much again for one that grows: garbage needs time until it
    /// is collected.
    ///
    /// # Errors
    ///
    /// The memory grows with what is sent.
    pub fn memory_stays_while(&mut self, program: &Program, mut portion: impl FnMut() -> Outcome<usize>) -> Outcome {
        const MUCH: u64 = 11 << 20;
        let before = program.memory();
        self.memory_stays(program, |_| {
            let (began, mut round) = (Instant::now(), 0);
            loop {
                round += portion()? as u64;
                let grows = program.memory() > before.map(|before| before + GARBAGE);
                let time = Duration::from_secs(if grows { 2 } else { 1 });
                if round >= MUCH || began.elapsed() > time {
                    return Ok(round);
                }
            }
        })
    }

    /// Tells a part of the story that depends on time up to four times, and believes the best: once, the machine may
    /// have been too busy to be on time.
    ///
    /// # Errors
    ///
    /// It fails each time.
    pub fn steadily(&mut self, part: impl Fn(&mut Lab) -> Outcome) -> Outcome {
        const TIMES: u32 = 4;
        for _ in 1..TIMES {
            match part(self) {
                Err(Trouble::Broken(_)) => {
                    self.clears_the_stage();
                }
                other => return other,
            }
        }
        part(self)
    }

    /// Starts the server without any argument and waits for its listening line.
    ///
    /// # Errors
    ///
    /// It does not say where it listens.
    pub fn bare_server(&mut self) -> Outcome<Program> {
        let mut server = self.bare(Role::Server, &[])?;
        server.listens()?;
        Ok(server)
    }

    /// Ends the story here and now: what the programs print from now on is not looked at.
    ///
    /// # Errors
    ///
    /// A server has ended before.
    pub fn lowers_the_curtain(&mut self) -> Outcome {
        self.scene.all_still_serve()?;
        self.ends_programs();
        Ok(())
    }

    /// Ends the programs and forgets what happened: the story, or a part of it, is told anew.
    pub(crate) fn clears_the_stage(&mut self) {
        self.ends_programs();
        self.scene.clear();
        self.locks.clear();
    }

    fn ends_programs(&mut self) {
        for actor in self.scene.cast() {
            actor.on_duty.store(false, Ordering::Relaxed);
            actor.child.kill();
            while let Line::Text(_) | Line::Unfinished(_) = actor.child.next_line(Duration::ZERO) {}
        }
    }

    /// Lets the programs that are started from now on find these names, in the form of `/etc/hosts`.
    ///
    /// # Errors
    ///
    /// Skips the stage where the system has no private view of files for a program (only Linux has, and not always).
    pub fn knows_names(&mut self, hosts: &str) -> Outcome {
        self.names = Some(Names::new(hosts)?);
        Ok(())
    }

    fn launch(&self, role: Role) -> Outcome<Launch> {
        let given = if role == Role::Server { &self.programs.server } else { &self.programs.client };
        let launch = given.as_ref();
        let launch =
            launch.ok_or_else(|| Trouble::Lab(format!("a story needs a {} that was not given", role.name())))?;
        Ok(self.home.as_ref().map_or_else(|| launch.clone(), |home| launch.in_folder(home)))
    }

    fn start(&self, role: Role, mut command: Command) -> Outcome<Program> {
        let shown = self.with_names_of_folders(shown(&command));
        command.envs(self.environment.iter().map(|(name, value)| (name, value)));
        if let Some(names) = &self.names {
            command = names.known_to(&command);
        }
        if let Some(room) = &self.little_room {
            command = room.around(&command);
        }
        Program::start(&self.scene, role, command, &shown)
    }

    /// `<folder>/file`: where a folder of the lab lies tells nobody anything.
    fn with_names_of_folders(&self, words: String) -> String {
        self.folders.iter().fold(words, |words, (name, path)| words.replace(path, &format!("<{name}>")))
    }

    // Clients that the lab plays.

    /// Somebody who connects to the server.
    ///
    /// # Errors
    ///
    /// The server does not take the connection.
    pub fn tcp(&mut self, name: &str, server: &Program) -> Outcome<TcpPeer> {
        let stream = TcpStream::connect_timeout(&server.address(), self.scene.patience());
        self.connected(name, server, stream)
    }

    /// Somebody who connects to the server with as little room for what comes as the system gives. What is sent to
    /// somebody who does not read fills such a connection soon; any other may take megabytes.
    ///
    /// # Errors
    ///
    /// The server does not take the connection.
    pub fn tcp_with_little_room(&mut self, name: &str, server: &Program) -> Outcome<TcpPeer> {
        let socket = with_little_room(server.address())?;
        let connecting = socket.connect_timeout(&server.address().into(), self.scene.patience());
        self.connected(name, server, connecting.map(|()| socket.into()))
    }

    fn connected(&self, name: &str, server: &Program, stream: std::io::Result<TcpStream>) -> Outcome<TcpPeer> {
        let stream = stream.map_err(|error| {
            self.scene.note(name, Act::Does, format!("cannot connect to server: {error}"));
            broken(format!("{} could not connect to {}: {error}.", crate::scene::capital(name), server.name()))
                .of(&["C2"])
        })?;
        let peer = TcpPeer::new(&self.scene, name, stream)?;
        self.scene.transcript().introduce(name, peer.address());
        self.scene.note(name, Act::Does, "connects to server");
        Ok(peer)
    }

    /// Lets these stay connected until the programs have ended, so that their going is no part of the story.
    pub fn keep(&mut self, guests: impl IntoIterator<Item = TcpPeer>) {
        self.guests.extend(guests);
    }

    /// Somebody with a UDP socket who writes to the server.
    ///
    /// # Errors
    ///
    /// The system gives no socket.
    pub fn udp(&mut self, name: &str, server: &Program) -> Outcome<UdpPeer> {
        let here = if server.address().is_ipv4() { "127.0.0.1:0" } else { "[::1]:0" };
        UdpPeer::new(&self.scene, name, UdpSocket::bind(here)?, Some(server.address()))
    }

    // Servers that the lab plays.

    /// A TCP server of the lab, for the client to connect to.
    ///
    /// # Errors
    ///
    /// The system gives no socket.
    pub fn tcp_server(&mut self) -> Outcome<TcpStand> {
        self.tcp_server_on(&[ANY_PORT])
    }

    /// A TCP server of the lab that has little room for what comes: who is not read soon cannot send any more.
    ///
    /// # Errors
    ///
    /// The system gives no socket.
    pub fn tcp_server_with_little_room(&mut self) -> Outcome<TcpStand> {
        let socket = with_little_room(SocketAddr::from(([127, 0, 0, 1], 0)))?;
        socket.bind(&SocketAddr::from(([127, 0, 0, 1], 0)).into())?;
        socket.listen(16)?;
        self.tcp_stand(vec![socket.into()])
    }

    /// A TCP server that listens on one port of several addresses.
    ///
    /// # Errors
    ///
    /// The system gives no such sockets.
    pub fn tcp_server_on(&mut self, addresses: &[&str]) -> Outcome<TcpStand> {
        self.tcp_stand(on_one_port(addresses, TcpListener::bind::<SocketAddr>, TcpListener::local_addr)?)
    }

    fn tcp_stand(&self, listeners: Vec<TcpListener>) -> Outcome<TcpStand> {
        let porter = Porter::new(listeners)?;
        for door in porter.doors() {
            self.scene.transcript().introduce("server", door);
        }
        Ok(TcpStand { scene: self.scene.clone(), porter })
    }

    /// A TCP server on one address, whose port on another is kept, and refuses: nobody else can come to listen there.
    ///
    /// # Errors
    ///
    /// The system gives no such sockets.
    pub fn tcp_server_beside(&mut self, address: &str, refusing: &str) -> Outcome<(TcpStand, Socket)> {
        let mut failure = None;
        for _ in 0..ATTEMPTS {
            let stand = self.tcp_server_on(&[address])?;
            let mut refusing: SocketAddr =
                refusing.parse().map_err(|_| Trouble::Lab(format!("{refusing} is no address")))?;
            refusing.set_port(stand.address().port());
            match closed_port(refusing) {
                Ok(socket) => return Ok((stand, socket)),
                Err(error) => failure = Some(error),
            }
        }
        Err(failure.map_or_else(|| Trouble::Lab("no attempt was made".to_owned()), Trouble::from))
    }

    /// A UDP server of the lab.
    ///
    /// # Errors
    ///
    /// The system gives no socket.
    pub fn udp_server(&mut self) -> Outcome<UdpPeer> {
        self.udp_peer("server", ANY_PORT)
    }

    /// A UDP server that receives on one port of several addresses.
    ///
    /// # Errors
    ///
    /// The system gives no such sockets.
    pub fn udp_server_on(&mut self, addresses: &[&str]) -> Outcome<UdpStand> {
        let sockets = on_one_port(addresses, UdpSocket::bind::<SocketAddr>, UdpSocket::local_addr)?;
        let peers = sockets.into_iter().map(|socket| UdpPeer::new(&self.scene, "server", socket, None));
        Ok(UdpStand { scene: self.scene.clone(), peers: peers.collect::<Outcome<_>>()? })
    }

    /// Somebody with a UDP socket whom nobody knows.
    ///
    /// # Errors
    ///
    /// The system gives no socket.
    pub fn udp_stranger(&mut self) -> Outcome<UdpPeer> {
        self.udp_peer("stranger", ANY_PORT)
    }

    /// Somebody with the server's port on another address of this machine; `None` where it has no other.
    ///
    /// # Errors
    ///
    /// The system refuses for another reason.
    pub fn udp_namesake(&mut self, server: &UdpPeer) -> Outcome<Option<UdpPeer>> {
        match UdpSocket::bind(("127.0.0.2", server.address().port())) {
            Ok(socket) => UdpPeer::new(&self.scene, "namesake", socket, None).map(Some),
            Err(_) => Ok(None),
        }
    }

    fn udp_peer(&self, name: &str, address: &str) -> Outcome<UdpPeer> {
        UdpPeer::new(&self.scene, name, UdpSocket::bind(address)?, None)
    }

    // What is between the two programs under test.

    /// Puts a tap between the client and the server.
    ///
    /// # Errors
    ///
    /// The system gives no sockets.
    pub fn tap(&mut self, server: &Program, transport: Transport, rules: Vec<wiretap::Rule>) -> Outcome<Tap> {
        let tap = match transport {
            Transport::Tcp => Tap::Tcp(TcpTap::start(server.address(), rules)?),
            Transport::Udp => Tap::Udp(UdpTap::start(server.address(), rules)?),
        };
        self.scene.transcript().introduce("tap", tap.address());
        Ok(tap)
    }

    /// Writes what the tap saw into the transcript, in its order.
    pub fn recall(&self, tap: &Tap) {
        for event in tap.events() {
            let (actor, words) = event.described_by(|bytes| self.scene.described(bytes));
            self.scene.note(actor, Act::Passes, words);
        }
    }

    // The ports that the briefs name.

    /// Makes sure that nobody has the chapter's default port, and that no other lab uses it until this one is gone.
    ///
    /// # Errors
    ///
    /// Skips the stage when somebody has it.
    pub fn reserve_default_port(&mut self, transport: Transport, port: u16) -> Outcome {
        let path = std::env::temp_dir().join(format!("network-lab-{transport:?}-{port}.lock"));
        // Another user's file can be locked, though not written.
        let lock = File::open(&path).or_else(|_| File::create(&path));
        let lock =
            lock.map_err(|error| Trouble::Lab(format!("cannot open the lock file {}: {error}", path.display())))?;
        lock.lock()?;
        self.locks.push(lock);
        self.scene.begins_now();
        let kind = match transport {
            Transport::Tcp => Type::STREAM,
            Transport::Udp => Type::DGRAM,
        };
        // Without SO_REUSEADDR: a port whose last connections are in TIME_WAIT is taken for a program without it, too.
        let taken =
            Socket::new(Domain::IPV4, kind, None)?.bind(&SocketAddr::from(([127, 0, 0, 1], port)).into()).is_err();
        if taken {
            return skip(format!("port {port} is taken by another program, or was a minute ago"));
        }
        Ok(())
    }
}

/// A TCP server of the lab.
#[derive(Debug)]
pub struct TcpStand {
    scene: Scene,
    porter: Porter,
}

impl TcpStand {
    /// Where it listens.
    pub fn address(&self) -> SocketAddr {
        self.porter.doors()[0]
    }

    /// Waits `time` for the client to connect: for what it may do, but need not.
    ///
    /// # Errors
    ///
    /// The lab's listener failed.
    pub fn accept_within(&self, time: Duration) -> Outcome<Option<TcpPeer>> {
        self.porter.next_within(time)?.map(|stream| self.welcome(stream)).transpose()
    }

    /// Waits for the client to connect.
    ///
    /// # Errors
    ///
    /// It does not.
    pub fn accept(&self) -> Outcome<TcpPeer> {
        let stream = self.porter.next(&self.scene, "server")?;
        self.welcome(stream)
    }

    fn welcome(&self, stream: TcpStream) -> Outcome<TcpPeer> {
        self.scene.transcript().introduce("client", stream.peer_addr()?);
        self.scene.note("client", Act::Does, "connects to server");
        TcpPeer::new(&self.scene, "server", stream)
    }
}

/// A UDP server of the lab on several addresses.
pub struct UdpStand {
    scene: Scene,
    peers: Vec<UdpPeer>,
}

impl UdpStand {
    /// The port that all its addresses share.
    pub fn port(&self) -> u16 {
        self.peers[0].address().port()
    }

    /// Waits until the client has sent something to one of the addresses, and returns that one.
    ///
    /// # Errors
    ///
    /// It does not.
    pub fn called(self) -> Outcome<UdpPeer> {
        let at = self.scene.wait_for(|| {
            for (at, peer) in self.peers.iter().enumerate() {
                if peer.has_mail(GLANCE)? {
                    return Ok(Some(at));
                }
            }
            Ok(None)
        })?;
        let at = at.ok_or_else(|| self.scene.in_vain("server", "a datagram"))?;
        Ok(self.peers.into_iter().nth(at).expect("the index is that of a peer"))
    }
}

/// A port that nobody has just now, outside of the range from which systems give ports to whoever asks for any.
fn free_port() -> Outcome<u16> {
    const RANGE: std::ops::Range<u16> = 20_000..32_000;
    for _ in 0..100 {
        let random = RandomState::new().build_hasher().finish();
        let port = RANGE.start + (random % u64::from(RANGE.end - RANGE.start)) as u16;
        if TcpListener::bind(("127.0.0.1", port)).is_ok() && UdpSocket::bind(("127.0.0.1", port)).is_ok() {
            return Ok(port);
        }
    }
    Err(Trouble::Lab(format!("no port from {} to {} is free", RANGE.start, RANGE.end)))
}

/// A TCP socket with as little room for what comes as the system gives.
fn with_little_room(address: SocketAddr) -> std::io::Result<Socket> {
    let socket = Socket::new(Domain::for_address(address), Type::STREAM, None)?;
    socket.set_recv_buffer_size(1)?;
    // The smallest segments that every system must take (RFC 9293, section 3.7.1). Linux measures by them how much room
    // the other side needs for what it sends.
    #[cfg(unix)]
    socket.set_tcp_mss(536)?;
    Ok(socket)
}

/// A TCP port that is taken, and where nobody listens: the system refuses whoever calls.
pub(crate) fn closed_port(address: SocketAddr) -> std::io::Result<Socket> {
    let socket = Socket::new(Domain::for_address(address), Type::STREAM, None)?;
    socket.bind(&address.into())?;
    Ok(socket)
}

/// How often a port is looked for that is free in several places.
const ATTEMPTS: u32 = 20;

/// Binds one port on several addresses; where the port of the first is taken on another, tries again with a new one.
fn on_one_port<S>(
    addresses: &[&str],
    bind: impl Fn(SocketAddr) -> std::io::Result<S>,
    local: impl Fn(&S) -> std::io::Result<SocketAddr>,
) -> Outcome<Vec<S>> {
    let mut failure = Trouble::Lab("no address to listen on".to_owned());
    for _ in 0..ATTEMPTS {
        let mut sockets = Vec::new();
        let mut port = None;
        for address in addresses {
            let mut address =
                address.to_socket_addrs()?.next().ok_or_else(|| Trouble::Lab("an empty address".to_owned()))?;
            address.set_port(port.unwrap_or(address.port()));
            match bind(address) {
                Ok(socket) => {
                    port = Some(local(&socket)?.port());
                    sockets.push(socket);
                }
                Err(error) => failure = Trouble::Lab(format!("cannot listen on {address}: {error}")),
            }
        }
        if sockets.len() == addresses.len() {
            return Ok(sockets);
        }
    }
    Err(failure)
}
