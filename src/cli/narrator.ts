import { alertHeadline } from '../alerts/text.ts';
import type { System } from '../app/system.ts';
import type { AlertEvent } from '../model/alert.ts';
import { drillMarks, type Environment } from '../model/environment.ts';
import type { Language } from '../model/language.ts';
import { HOUR_MS } from '../model/time.ts';
import type { CommandIo } from './command.ts';
import { ProgressLine } from './progress.ts';

const texts = {
  'pt-BR': {
    new: 'Exercício novo: a tempestade gravada do Rio Grande do Sul, abril e maio de 2024.',
    anew: 'O exercício anterior tinha terminado; este começa de novo.',
    resumed: 'O exercício anterior foi interrompido; continua de onde parou.',
    configured: 'Atalaia iniciado.',
    open: 'Abra',
    taken: (wanted: number, port: number) => `A porta ${wanted} está ocupada; usando ${port}.`,
    alerts: 'alertas em vigor',
    reports: 'relatórios',
    stop: 'Ctrl-C para parar.',
    finished: 'A gravação terminou. A página continua aberta.',
    level: { yellow: '▲ amarelo ', orange: '◆ laranja ', red: '⬣ vermelho' },
  },
  en: {
    new: 'New exercise: the recorded storm of Rio Grande do Sul, Brazil, April and May 2024.',
    anew: 'The exercise before had ended; this one begins anew.',
    resumed: 'The exercise before was interrupted; it resumes where it stopped.',
    configured: 'Atalaia has started.',
    open: 'Open',
    taken: (wanted: number, port: number) => `Port ${wanted} is taken; using ${port}.`,
    alerts: 'alerts in force',
    reports: 'reports',
    stop: 'Ctrl-C stops.',
    finished: 'The recording has ended. The page stays open.',
    level: { yellow: '▲ yellow', orange: '◆ orange', red: '⬣ red   ' },
  },
} as const;

const shown: ReadonlySet<AlertEvent['event']> = new Set(['raised', 'escalated', 'ended']);

/** Tells a terminal what happens: a live line of progress, and each alert raised, escalated, ended. */
export class Narrator {
  readonly #system: System;
  readonly #io: CommandIo;
  readonly #lang: Language;
  /** What each line of a drill begins with; empty where alerts are real. */
  readonly #mark: string;
  readonly #progress: ProgressLine;
  readonly #open = new Set<string>();
  #timer: NodeJS.Timeout | null = null;

  constructor(system: System, io: CommandIo, lang: Language, environment: Environment) {
    this.#system = system;
    this.#io = io;
    this.#lang = lang;
    const mark = drillMarks[environment]?.[lang];
    this.#mark = mark === undefined ? '' : `${mark} `;
    this.#progress = new ProgressLine(io.stdout);
  }

  begin({
    url,
    wanted,
    port,
    beginning,
  }: {
    url: string;
    wanted: number;
    port: number;
    beginning: 'new' | 'anew' | 'resumed' | 'configured';
  }): void {
    const text = texts[this.#lang];
    if (wanted !== 0 && port !== wanted) this.#line(text.taken(wanted, port));
    this.#line(`${text[beginning]} ${text.stop}`);
    this.#line(`${text.open} ${url}`);
    this.#system.onRevision(({ revision }) => {
      if (!revision.draft) this.#event(revision.event);
    });
    this.#timer = setInterval(() => this.#draw(), 250);
  }

  #event(event: AlertEvent): void {
    if (event.event === 'ended') this.#open.delete(event.alert);
    else this.#open.add(event.alert);
    if (!shown.has(event.event)) return;
    const station = this.#system.place(event.subject)?.station;
    const rule = this.#system.rule(event.rule);
    if (!station || !rule) return;
    this.#line(
      `${this.#mark}${this.#time(event.at)} ${texts[this.#lang].level[event.level]} ${alertHeadline(event, rule, station, this.#lang)}`,
    );
  }

  #time(at: number): string {
    return new Intl.DateTimeFormat(this.#lang, {
      dateStyle: 'short',
      timeStyle: 'short',
      timeZone: 'America/Sao_Paulo',
      hour12: false,
    }).format(at);
  }

  #draw(): void {
    const player = this.#system.player();
    if (player?.state !== 'playing') return;
    const text = texts[this.#lang];
    const hours = Math.round((player.at - player.startAt) / HOUR_MS);
    this.#progress.draw(
      (player.at - player.startAt) / (player.endAt - player.startAt),
      `${this.#mark}${this.#time(player.at)} (${hours} h)  ${player.reports} ${text.reports}, ${this.#open.size} ${text.alerts}`,
    );
  }

  finished(): void {
    this.#line(texts[this.#lang].finished);
  }

  end(): void {
    if (this.#timer) clearInterval(this.#timer);
    this.#progress.clear();
  }

  #line(text: string): void {
    this.#progress.clear();
    this.#io.stdout.write(`${text}\n`);
  }
}
