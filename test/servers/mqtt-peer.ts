import { once } from 'node:events';
import { createServer, type Server, type Socket } from 'node:net';

// A broker of MQTT 3.1.1 that answers as it is told: for what a real one does not do on demand.

const CONNACK = Buffer.from([0x20, 2, 0, 0]);
const PINGRESP = Buffer.from([0xd0, 0]);
const REFUSED = 0x80;

export class MqttPeer {
  /** What the next subscriptions are granted with; when none is left, QoS 1. */
  readonly grants: number[] = [];
  subscriptions = 0;
  /** Numbers of messages in the order of their acknowledgements. */
  readonly acknowledged: number[] = [];
  readonly #server: Server;
  #socket: Socket | undefined;

  private constructor() {
    this.#server = createServer((socket) => this.#serve(socket));
  }

  static async start(): Promise<MqttPeer> {
    const peer = new MqttPeer();
    await once(peer.#server.listen(0, '127.0.0.1'), 'listening');
    return peer;
  }

  get url(): string {
    return `mqtt://127.0.0.1:${(this.#server.address() as { port: number }).port}`;
  }

  /** Sends a message with QoS 1. */
  publish(id: number, topic: string, text: string): void {
    const number = Buffer.from([id >> 8, id & 0xff]);
    const body = Buffer.concat([
      Buffer.from([0, topic.length]),
      Buffer.from(topic),
      number,
      Buffer.from(text),
    ]);
    this.#socket?.write(Buffer.concat([Buffer.from([0x32, body.length]), body]));
  }

  cut(): void {
    this.#socket?.destroy();
  }

  async stop(): Promise<void> {
    this.cut();
    await new Promise((done) => this.#server.close(done));
  }

  #serve(socket: Socket): void {
    this.#socket = socket;
    let waiting = Buffer.alloc(0);
    socket.on('error', () => undefined);
    socket.on('data', (piece: Buffer) => {
      waiting = Buffer.concat([waiting, piece]);
      // Packets here are under 128 bytes: their length is one byte.
      while (waiting.length >= 2 && waiting.length >= 2 + (waiting[1] as number)) {
        const end = 2 + (waiting[1] as number);
        this.#answer(socket, waiting.subarray(0, end));
        waiting = waiting.subarray(end);
      }
    });
  }

  #answer(socket: Socket, packet: Buffer): void {
    const kind = (packet[0] as number) >> 4;
    if (kind === 1) socket.write(CONNACK);
    if (kind === 4) this.acknowledged.push(packet.readUInt16BE(2));
    if (kind === 8) {
      this.subscriptions++;
      const granted = this.grants.shift() ?? 1;
      socket.write(Buffer.from([0x90, 3, packet[2] as number, packet[3] as number, granted]));
    }
    if (kind === 12) socket.write(PINGRESP);
  }

  /** The next subscriptions are refused. */
  refuse(times: number): void {
    this.grants.push(...Array.from({ length: times }, () => REFUSED));
  }
}
