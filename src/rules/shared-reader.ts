import { levelNames, type Rule } from '../model/rule.ts';
import { DAY_MS, MINUTE_MS } from '../model/time.ts';
import { NodeReader } from './node-reader.ts';
import type { YamlNode } from './yaml.ts';

/** CAP 1.2 section 3.2.2. */
const URGENCIES = ['Immediate', 'Expected', 'Future', 'Past', 'Unknown'];
const CERTAINTIES = ['Observed', 'Likely', 'Possible', 'Unlikely', 'Unknown'];
const RESPONSES = [
  'Shelter',
  'Evacuate',
  'Prepare',
  'Execute',
  'Avoid',
  'Monitor',
  'Assess',
  'AllClear',
  'None',
];

/** What rules and templates say in the same words. */
export class SharedReader extends NodeReader {
  protected name(node: YamlNode | undefined, what: string): string | undefined {
    const text = this.text(node, what);
    if (node === undefined || text === undefined || /^[a-z0-9][a-z0-9-]{0,63}$/.test(text)) return text;
    return this.flaw(
      node.offset,
      `${what} name has 1 to 64 small letters, digits and hyphens, as in chuva-intensa`,
    );
  }

  protected publication(node: YamlNode | undefined): Rule['publication'] {
    if (node === undefined) return undefined;
    if (node.kind === 'scalar') return this.oneOf(node, 'publication', ['automatic'] as const);
    const review = this.map(node, 'publication', ['review'], ['review'])('review');
    if (review === undefined) return undefined;
    const read = this.map(review, 'review', ['levels', 'within', 'onTimeout'], ['levels']);
    const levels = this.items(read('levels'), 'levels').flatMap(
      (item) => this.oneOf(item, 'level', levelNames) ?? [],
    );
    const withinMs = this.span(read('within'), 'within', DAY_MS) ?? 10 * MINUTE_MS;
    if (withinMs < MINUTE_MS) this.flaw(review.offset, 'within: nobody answers in less than 1m');
    if (levels.length === 0) this.flaw(review.offset, 'review: name its levels, as in levels: [red]');
    const onTimeout = this.oneOf(read('onTimeout'), 'onTimeout', ['publish', 'escalate'] as const);
    return { levels, withinMs, onTimeout: onTimeout ?? 'publish' };
  }

  protected cap(node: YamlNode | undefined): Rule['cap'] {
    const read =
      node === undefined ? () => undefined : this.map(node, 'cap', ['urgency', 'certainty', 'responseType']);
    return {
      urgency: this.oneOf(read('urgency'), 'urgency', URGENCIES) ?? 'Immediate',
      certainty: this.oneOf(read('certainty'), 'certainty', CERTAINTIES) ?? 'Observed',
      responseType: this.oneOf(read('responseType'), 'responseType', RESPONSES) ?? 'Prepare',
    };
  }
}
