/** How a channel fares is told without reading every delivery. */
export const channelRecord = `
CREATE INDEX deliveries_delivered ON deliveries (channel, delivered_at) WHERE state = 'delivered';
CREATE INDEX deliveries_dead ON deliveries (channel, next_attempt_at) WHERE state = 'dead';
`;
