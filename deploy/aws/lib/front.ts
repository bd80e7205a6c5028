/** Port of the front in a task; Atalaia itself listens on the loopback alone. */
export const FRONT_PORT = 8081;
export const APP_PORT = 8080;
/** A tag of the 1.29 line; pin a digest in production. */
export const FRONT_IMAGE = 'public.ecr.aws/nginx/nginx-unprivileged:1.29-alpine';
export const FRONT_USER = 'atalaia';

/**
 * A door in front of Atalaia, which as deployed here has no users of its own and therefore listens on 127.0.0.1 alone:
 * everything but the public feed and the health check asks for a password. Atalaia believes that it is asked from its own machine, so
 * the check of the Origin is made here.
 */
export const frontConfig = `worker_processes auto;
pid /tmp/nginx.pid;
error_log /dev/stderr warn;
events { worker_connections 4096; }
http {
  access_log off;
  server_tokens off;
  client_max_body_size 8m;
  client_body_temp_path /tmp/body;
  proxy_temp_path /tmp/proxy;
  fastcgi_temp_path /tmp/fastcgi;
  uwsgi_temp_path /tmp/uwsgi;
  scgi_temp_path /tmp/scgi;
  map $request_method:$http_origin $is_foreign {
    default 1;
    "~^(GET|HEAD|OPTIONS):" 0;
    "~^[A-Z]+:$" 0;
    "~^[A-Z]+:https://(?<origin>[^/]+)$" $is_other_origin;
  }
  map $origin:$host $is_other_origin {
    default 1;
    "~^([^:]+)(:443)?:\\1$" 0;
  }
  # Behind the load balancer, of the network's own addresses: people are told apart by what it says.
  set_real_ip_from 10.0.0.0/8;
  real_ip_header X-Forwarded-For;
  limit_req_zone $binary_remote_addr zone=each:10m rate=100r/s;
  proxy_http_version 1.1;
  proxy_set_header Host localhost;
  proxy_set_header Origin "";
  proxy_set_header Authorization "";
  proxy_set_header Connection "";
  proxy_buffering off;
  proxy_read_timeout 1h;
  server {
    listen ${FRONT_PORT};
    if ($is_foreign) { return 403; }
    location = /healthz { proxy_pass http://127.0.0.1:${APP_PORT}; }
    location /cap/ { limit_except GET { deny all; } limit_req zone=each burst=200 nodelay; proxy_pass http://127.0.0.1:${APP_PORT}; }
    location = /metrics { return 404; }
    location / {
      auth_basic "Atalaia";
      auth_basic_user_file /tmp/users;
      proxy_pass http://127.0.0.1:${APP_PORT};
    }
  }
}
`;

/** Writes the configuration and the one user from the environment, then becomes nginx. */
export const frontCommand = [
  'sh',
  '-ec',
  `umask 077; printf '%s' "$FRONT_CONFIG" > /tmp/nginx.conf; printf '${FRONT_USER}:{PLAIN}%s\\n' "$FRONT_PASSWORD" > /tmp/users; unset FRONT_PASSWORD; exec nginx -e /dev/stderr -c /tmp/nginx.conf -g 'daemon off;'`,
];
