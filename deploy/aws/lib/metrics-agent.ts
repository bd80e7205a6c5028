import { APP_PORT } from './front.ts';

/** A tag of the 1 line of the CloudWatch agent; pin a digest in production. */
export const AGENT_IMAGE = 'public.ecr.aws/cloudwatch-agent/cloudwatch-agent:latest';
export const NAMESPACE = 'Atalaia';
/** Every metric has this one dimension; its value is the profile's name. */
export const DIMENSION = 'System';

/** What alarms, scaling and the cost are about; each is one paid metric. */
export const watchedMetrics = [
  'atalaia_lag_records',
  'atalaia_lag_seconds',
  'atalaia_archive_lag_seconds',
  'atalaia_outbox_oldest_seconds',
  'atalaia_ready',
] as const;

/** Environment of the agent that reads `/metrics` of its own task each 30 s and hands the watched ones to CloudWatch. */
export function agentEnvironment(system: string, logGroup: string): Record<string, string> {
  const scrape = {
    global: { scrape_interval: '30s', scrape_timeout: '10s' },
    scrape_configs: [
      {
        job_name: 'atalaia',
        static_configs: [{ targets: [`127.0.0.1:${APP_PORT}`], labels: { [DIMENSION]: system } }],
      },
    ],
  };
  const agent = {
    logs: {
      metrics_collected: {
        prometheus: {
          log_group_name: logGroup,
          prometheus_config_path: 'env:PROMETHEUS_CONFIG_CONTENT',
          emf_processor: {
            metric_namespace: NAMESPACE,
            metric_declaration: [
              {
                source_labels: ['job'],
                label_matcher: '^atalaia$',
                dimensions: [[DIMENSION]],
                metric_selectors: [`^(${watchedMetrics.join('|')})$`],
              },
            ],
          },
        },
      },
      force_flush_interval: 5,
    },
  };
  // JSON is YAML, which the agent expects for the first.
  return { PROMETHEUS_CONFIG_CONTENT: JSON.stringify(scrape), CW_CONFIG_CONTENT: JSON.stringify(agent) };
}
