import type { Role } from '../../model/access.ts';
import type { Route } from '../route.ts';
import {
  type AreasOf,
  alertAreas,
  deliveryAreas,
  everything,
  newSubscriptionAreas,
  raisedAreas,
  silenceAreas,
  stationAreas,
  subscriptionAreas,
  testedAreas,
} from './areas.ts';

/**
 * Who may ask. `public`: everybody, as a page of public warnings is meant to be. `known`: everybody, and those who are
 * signed in get more. `producer`: whoever shows a station key. A role: users who have it. `always`: also on a server
 * that asks nobody else.
 */
type Policy =
  | 'public'
  | 'known'
  | 'producer'
  | Role
  | { readonly role: Role; readonly always?: true; readonly areas?: AreasOf };

const silence: Policy = { role: 'operator', areas: silenceAreas };
const hold: Policy = { role: 'approver', areas: everything };
const act = (role: Role): Policy => ({ role, areas: alertAreas });
const admin: Policy = { role: 'admin', always: true };
const self: Policy = { role: 'viewer', always: true };

/** Every route by its operation; {@link policyOf} refuses what is not listed to all but admins. */
export const policies: Readonly<Record<string, Policy>> = {
  listAlerts: 'public',
  getAlert: 'known',
  getAlertCap: 'public',
  listForeignAlerts: 'public',
  getForeignAlert: 'public',
  listStations: 'public',
  getStation: 'public',
  listObservations: 'public',
  listRules: 'public',
  getAreaExtremes: 'known',
  getAreaTotals: 'known',
  getStationAnomalies: 'known',
  getStationClimatology: 'known',
  getStationCompleteness: 'known',
  getStationCourse: 'known',
  getStationCycle: 'known',
  getStationDrought: 'known',
  getStationExtremes: 'known',
  getStationIdf: 'known',
  getStationSpells: 'known',
  getStationSummary: 'known',
  getStationTrend: 'known',
  getStationWaves: 'known',
  getWindRose: 'known',
  getStatus: 'public',
  streamAlerts: 'known',
  atomFeed: 'public',
  rssFeed: 'public',
  healthz: 'public',
  readyz: 'public',
  getOpenApi: 'public',
  getSubscriberOptions: 'public',
  postSubscriber: 'public',
  confirmSubscriber: 'public',
  manageSubscriber: 'public',
  exportSubscriber: 'public',
  eraseSubscriber: 'public',
  unsubscribe: 'public',
  getUnsubscribe: 'public',
  exportPerson: admin,
  erasePerson: admin,
  postSession: 'public',
  getSession: 'public',
  deleteSession: 'public',
  postObservations: 'producer',
  postForecasts: 'producer',
  getDoor: 'producer',
  postDoor: 'producer',
  metrics: 'viewer',
  listQuarantine: 'viewer',
  listSubscriptions: 'viewer',
  listWebPush: 'viewer',
  previewSubscriptions: 'viewer',
  listChannels: 'viewer',
  listDeliveries: 'viewer',
  getDuty: 'viewer',
  getOnCall: 'viewer',
  listSilences: 'viewer',
  getSilence: 'viewer',
  getHold: 'viewer',
  listHandovers: 'viewer',
  postHandover: 'operator',
  getSelfTest: 'viewer',
  postSelfTest: 'operator',
  listBacktests: 'viewer',
  getBacktest: 'viewer',
  postBacktest: 'operator',
  cancelBacktest: 'operator',
  getAlertReport: 'viewer',
  getAlertReportPdf: 'viewer',
  listObserved: 'viewer',
  postObserved: 'operator',
  importObserved: 'operator',
  deleteObserved: 'operator',
  getVerification: 'viewer',
  postSilence: silence,
  putSilence: silence,
  endSilence: silence,
  holdDeliveries: hold,
  releaseDeliveries: hold,
  putStation: { role: 'operator', areas: stationAreas },
  postSubscription: { role: 'operator', areas: newSubscriptionAreas },
  testChannel: { role: 'operator', areas: testedAreas },
  replayChannel: { role: 'operator', areas: everything },
  replayDelivery: { role: 'operator', areas: deliveryAreas },
  deleteSubscription: { role: 'operator', areas: subscriptionAreas },
  raiseAlert: { role: 'operator', areas: raisedAreas },
  listTemplates: 'public',
  acknowledgeAlert: act('operator'),
  editAlert: act('operator'),
  extendAlert: act('operator'),
  cancelAlert: act('operator'),
  approveAlert: act('approver'),
  rejectAlert: act('approver'),
  publishAlert: act('operator'),
  postFeedback: act('operator'),
  listDrafts: 'viewer',
  listTokens: self,
  postToken: self,
  deleteToken: self,
  listAudit: { role: 'admin' },
  listKeys: admin,
  postKey: admin,
  rotateKey: admin,
  deleteKey: admin,
  listUsers: admin,
  postUser: admin,
  patchUser: admin,
  deleteUser: admin,
};

/** What a route asks for: one that nobody has thought about is for admins, or for viewers when it only reads. */
export const policyOf = ({ operationId, method }: Pick<Route, 'operationId' | 'method'>): Policy =>
  policies[operationId] ?? (method === 'GET' ? 'viewer' : 'admin');
