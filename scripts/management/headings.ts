/**
 * Under which headings the help of a management API lists its operations: by the first step of their
 * addresses.
 */

/** A heading, and the first steps that belong to it. */
export type Headings = Record<string, string[]>

export const REGISTRY_HEADINGS: Headings = {
  'Who asks, and the overview': ['session', 'overview', 'search', 'names'],
  'Proposals and management requests': ['approvals', 'management-requests', 'automatic-approvals'],
  'Members and subsystems': ['members', 'member-classes', 'subsystems', 'global-groups'],
  'Mandates, successions, suspensions': [
    ...['hosting-mandates', 'hosting-policy', 'successions', 'suspensions', 'suspension-policy'],
  ],
  'Security servers': ['security-servers', 'fleet', 'outages', 'witness'],
  'Services and contracts': ['catalogue', 'contracts', 'contract-policy', 'explanation'],
  'Trust services': [
    ...['certification-services', 'certificates', 'certificate-profiles', 'certificate-profile-trials'],
    ...['timestamping-services', 'trusted-issuers'],
  ],
  'Global configuration and signing keys': ['configuration'],
  'Other instances': ['external-anchors', 'imports'],
  Audit: ['audit-log', 'audit-orders'],
  'Settings, people and mail': [
    ...['system', 'installation', 'people', 'api-keys', 'mail-messages', 'mail-delivery', 'consequences'],
  ],
  'Nodes, backups and revisions': [
    ...['nodes', 'join-secrets', 'backups', 'backup-state', 'restoration', 'revisions', 'drift'],
  ],
}

export const SERVER_HEADINGS: Headings = {
  'Who asks, and first start': ['session', 'claim', 'first-start', 'initialization', 'names'],
  'This server and its configuration': [
    ...['system', 'global-configuration', 'members', 'management-requests', 'certificate-authorities'],
  ],
  'Keys and certificates': ['tokens', 'keys', 'token-certificates', 'certificate-renewals', 'acme-accounts'],
  'Clients, services and rights': [
    ...['clients', 'local-groups', 'service-descriptions', 'services', 'endpoints', 'catalogue', 'try-outs'],
  ],
  Contracts: ['contracts', 'deadlines'],
  'One-way messages and events': ['deliveries', 'delivery-keys', 'rooms', 'event-types', 'subscriptions'],
  'People whose data it is': [
    ...['subject-places', 'trackers', 'tracker-services', 'tracker-exceptions', 'notices', 'consents'],
    ...['previews', 'complaints', 'complaint-counts'],
  ],
  'Log, evidence and reconciliation': [
    ...['message-log', 'witness', 'reconciliations', 'reconciliation-cases'],
  ],
  'Diagnostics and monitoring': ['diagnostics', 'explanation', 'monitoring'],
  'Proposals and audit': ['approvals', 'audit-log', 'audit-orders'],
  'People who sign in': ['people', 'api-keys'],
  'Nodes, backups and revisions': [
    ...['nodes', 'join-secrets', 'backups', 'backup-state', 'restoration', 'revisions', 'drift'],
  ],
}

/** The heading of an address such as `/api/v1/members/:id`; undefined when none has its first step. */
export function headingOf(headings: Headings, url: string): string | undefined {
  const step = url.split('/')[3] ?? ''
  return Object.keys(headings).find((title) => headings[title]!.includes(step))
}
