import { App } from 'aws-cdk-lib';
import { flags } from './lib/flags.ts';
import { settingsOf } from './lib/settings.ts';
import { AtalaiaStack } from './lib/stack.ts';

// node app.ts, or `cdk synth` and `cdk deploy`: see docs/operating-on-aws.md.
const app = new App({ analyticsReporting: false, context: flags });
const settings = settingsOf((name) => app.node.tryGetContext(name));
new AtalaiaStack(app, `Atalaia-${settings.profileName}`, settings);
app.synth();
