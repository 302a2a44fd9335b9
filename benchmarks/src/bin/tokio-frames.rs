//! Echoes frames with a length in front, by tokio and tokio-util's `LengthDelimitedCodec`. What the server of
//! sticky-packets is measured against.

use futures_util::{StreamExt, TryStreamExt};
use tokio::net::{TcpListener, TcpStream};
use tokio_util::codec::{FramedRead, FramedWrite, LengthDelimitedCodec};

#[tokio::main]
async fn main() -> std::io::Result<()> {
    let listener = TcpListener::bind("127.0.0.1:0").await?;
    println!("listening on {}", listener.local_addr()?);
    loop {
        let (stream, _) = listener.accept().await?;
        tokio::spawn(echo(stream));
    }
}

async fn echo(stream: TcpStream) -> std::io::Result<()> {
    stream.set_nodelay(true)?;
    let codec = LengthDelimitedCodec::builder().max_frame_length(1 << 20).new_codec();
    let (reader, writer) = stream.into_split();
    let (frames, echoes) = (FramedRead::new(reader, codec.clone()), FramedWrite::new(writer, codec));
    // `forward` writes when no frame is left to be read: so all frames of a read go out together.
    frames.map_ok(|frame| frame.freeze()).forward(echoes).await
}
