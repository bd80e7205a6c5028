import { type Profile, type ProfileName, profileNames, profileOf } from '../profiles.ts';

/** What a deployment is told by `-c name=value`. */
export interface Settings {
  readonly profileName: ProfileName;
  readonly profile: Profile;
  readonly account: string;
  readonly region: string;
  /** Certificate of the load balancer's name, in the same region. */
  readonly certificateArn: string;
  /** Repository in ECR and tag of the container image. */
  readonly repository: string;
  readonly tag: string;
  readonly environment: 'actual' | 'exercise' | 'test';
  /** Who is told when the system itself fails. */
  readonly alarmEmail: string | undefined;
}

const environments = ['actual', 'exercise', 'test'] as const;

/** Reads and checks the context; throws with every name that is missing or wrong. */
export function settingsOf(context: (name: string) => unknown): Settings {
  const problems: string[] = [];
  const text = (name: string, pattern: RegExp, example: string, fallback?: string): string => {
    const given = context(name) ?? fallback;
    if (typeof given === 'string' && pattern.test(given)) return given;
    problems.push(`-c ${name}=${example}`);
    return '';
  };
  const profileName = text('profile', new RegExp(`^(${profileNames.join('|')})$`), profileNames.join('|'));
  const environment = text('environment', /^(actual|exercise|test)$/, environments.join('|'), 'exercise');
  const email = context('alarmEmail');
  const settings = {
    account: text('account', /^\d{12}$/, '123456789012', process.env.CDK_DEFAULT_ACCOUNT),
    region: text('region', /^[a-z]{2}(-[a-z]+)+-\d$/, 'sa-east-1', process.env.CDK_DEFAULT_REGION),
    certificateArn: text('certificateArn', /^arn:aws[\w-]*:acm:/, 'arn:aws:acm:sa-east-1:…'),
    repository: text('repository', /^[a-z0-9][a-z0-9/._-]{1,255}$/, 'atalaia', 'atalaia'),
    tag: text('tag', /^[\w][\w.-]{0,127}$/, '0.1.0'),
    alarmEmail: typeof email === 'string' ? email : undefined,
  };
  if (problems.length > 0) throw new Error(`The deployment needs: ${problems.join(' ')}`);
  return {
    ...settings,
    profileName: profileName as ProfileName,
    profile: profileOf(profileName),
    environment: environment as Settings['environment'],
  };
}
