//! In front of the API server: its bytes pass, stop or end as a test says.

use crate::world::World;
use std::{
    fs,
    path::PathBuf,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};
use tokio::{
    io::copy_bidirectional,
    net::{TcpListener, TcpStream},
    sync::watch,
    time::timeout,
};

#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Way {
    Open,
    /// No byte passes, and nobody hears that a connection is dead.
    Silent,
    /// The same for the connections that there are; new ones are as good as ever.
    OnlyNew,
    /// Connections end, and new ones at once.
    Refused,
    /// Each connection ends after a second.
    Brief,
}

/// How often that was changed, and what it is.
type Ways = (u64, Way);

pub struct Proxy {
    way: watch::Sender<Ways>,
    connections: Arc<AtomicU64>,
    /// The operator's, with the proxy as the server.
    pub kubeconfig: PathBuf,
}

impl Proxy {
    pub async fn start(world: &World) -> Self {
        let text = fs::read_to_string(world.cluster.kubeconfig("operator")).unwrap();
        let server = text.split("https://").nth(1).unwrap().split('"').next().unwrap().to_owned();
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let text = text.replace(&server, &listener.local_addr().unwrap().to_string());
        let kubeconfig =
            PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join(format!("{}-proxy.kubeconfig", world.namespace));
        fs::write(&kubeconfig, text).unwrap();
        let (way, ways) = watch::channel((0, Way::Open));
        let connections: Arc<AtomicU64> = Arc::default();
        let counted = Arc::clone(&connections);
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                counted.fetch_add(1, Ordering::Relaxed);
                tokio::spawn(connection(stream, server.clone(), ways.clone()));
            }
        });
        Self { way, connections, kubeconfig }
    }

    pub fn set(&self, way: Way) {
        self.way.send_modify(|(number, now)| (*number, *now) = (*number + 1, way));
    }

    /// How many connections there were so far.
    pub fn connections(&self) -> u64 {
        self.connections.load(Ordering::Relaxed)
    }
}

async fn connection(mut stream: TcpStream, server: String, mut ways: watch::Receiver<Ways>) {
    let way = ways.borrow_and_update().1;
    let is_silent = |ways: &watch::Receiver<Ways>| matches!(ways.borrow().1, Way::Silent | Way::OnlyNew);
    if matches!(way, Way::Open | Way::OnlyNew | Way::Brief) {
        let lifetime = if way == Way::Brief { Duration::from_secs(1) } else { Duration::MAX };
        let forward = async {
            let mut server = TcpStream::connect(&server).await?;
            copy_bidirectional(&mut stream, &mut server).await
        };
        tokio::select! {
            biased;
            _ = ways.changed() => {}
            _ = timeout(lifetime, forward) => return,
        }
    }
    while is_silent(&ways) && ways.changed().await.is_ok() {}
}
