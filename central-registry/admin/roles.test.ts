/**
 * Calls every operation of the management API in every role, and checks which operations need two persons.
 */
import { readFileSync } from 'node:fs'
import t from 'tap'
import { createApiKeys } from '#platform/api-keys/create-api-keys.ts'
import { createAuditLog } from '#platform/audit-log/create-audit-log.ts'
import { createHttpService } from '#platform/http-service/create-http-service.ts'
import { registerOpenApi } from '#platform/http-service/openapi.ts'
import { readOperations } from '#platform/http-service/openapi-operations.ts'
import { createLog } from '#platform/logging/create-log.ts'
import { createLogStore } from '../configuration/transparency-log/store.ts'
import { openRegistryDatabase } from '../registry.ts'
import { registryApi } from './api.ts'
import { administration } from './feature.ts'
import { ROLES } from './first-api-key.ts'

const WHO_DECIDES = new URL('../../docs/who-decides.md', import.meta.url)

/** Which role may do what, written down a second time, so that nobody changes the API's file by accident. */
const ALLOWED: Record<string, string[]> = {
  XROAD_REGISTRATION_OFFICER: [
    ...[
      'addMemberClass',
      'describeMemberClass',
      'deleteMemberClass',
      'addMember',
      'renameMember',
      'deleteMember',
    ],
    ...['addSubsystem', 'deleteSubsystem', 'addSecurityServer', 'changeSecurityServerAddress'],
    ...['deleteSecurityServer', 'addAuthenticationCertificate', 'deleteAuthenticationCertificate'],
    ...['registerClient', 'deleteClient', 'addGlobalGroup', 'describeGlobalGroup', 'deleteGlobalGroup'],
    ...['addGlobalGroupMember', 'deleteGlobalGroupMember', 'approveManagementRequest'],
    ...['declineManagementRequest', 'revokeManagementRequest', 'setWebhook', 'deleteWebhook'],
    ...['approveContract', 'declineContract', 'suspendContract', 'resumeContract', 'terminateContract'],
    ...['addHostingMandate', 'endHostingMandate', 'beginSuccession', 'completeSuccession'],
    ...['collectCatalogue', 'probeSecurityServer', 'addOutage', 'endOutage', 'addAuditOrder'],
    ...['setMailAddresses', 'getMailAddresses', 'getMailMessages', 'retryMailMessage'],
    ...['getMailDelivery', 'forgetMailMessage', 'retryMailMessages', 'sendContactLetter'],
    ...['addRevision', 'endRevision'],
  ],
  XROAD_SECURITY_OFFICER: [
    ...['addCertificationService', 'deleteCertificationService', 'addIntermediateCa', 'deleteIntermediateCa'],
    ...['addTimestampingService', 'deleteTimestampingService', 'publishConfiguration', 'setAcmeServer'],
    ...['putCertificateProfile', 'deleteCertificateProfile'],
    ...['putTrustedIssuer', 'withdrawTrustedIssuer'],
    ...['addSigningKey', 'activateSigningKey', 'deleteSigningKey', 'getPeople'],
    ...['getIdentityKey', 'replaceIdentityKey', 'getPublishedKeys', 'replacePublishedKey'],
    'getPasskeysOf',
    ...['examineExternalAnchor', 'readExternalAnchor', 'trustExternalAnchor', 'removeExternalAnchor'],
    ...[
      'getSigningToken',
      'giveSigningTokenPinPart',
      'lockSigningToken',
      'getFoundSigningKeys',
      'adoptSigningKey',
    ],
    ...['setAutomaticApproval', 'deleteAutomaticApproval'],
    'acceptRestoredRegistry',
    ...['addSuspension', 'confirmSuspension', 'liftSuspension', 'setSuspensionPolicy'],
    ...['suspendContract', 'resumeContract', 'setContractPolicy', 'setHostingPolicy'],
    ...['probeSecurityServer', 'collectCatalogue', 'addAuditOrder'],
    ...['addImport', 'discardImport', 'collectImportCertificates', 'addImportCertificate', 'carryOutImport'],
    ...['addRevision', 'endRevision'],
    ...['getNodes', 'addJoinSecret', 'takeJoinSecret'],
  ],
  XROAD_SYSTEM_ADMINISTRATOR: [
    ...[
      'initializeSystem',
      'setManagementServiceProvider',
      ...['setMonitoringClient', 'removeMonitoringClient'],
      'getApiKeys',
      'addApiKey',
      'issueApiKeySecret',
      'revokeApiKey',
      ...['getAuditLog', 'getLastActs'],
    ],
    ...['makeBackup', 'downloadBackup', 'acceptRestoredRegistry'],
    ...['addRevision', 'endRevision', 'getDrift'],
    ...['getNodes', 'removeNode'],
    ...['exportAuditLog', 'verifyAuditLog'],
    ...['closeInstallation', 'collectCatalogue', 'probeSecurityServer', 'addOutage', 'endOutage'],
    ...['getMailAddresses', 'getMailMessages', 'retryMailMessage'],
    ...['getMailDelivery', 'forgetMailMessage', 'retryMailMessages', 'sendContactLetter'],
    ...['getPasskeysOf', 'removePasskeyOf', 'givePasskeyCode'],
    ...['getPeople', 'invitePerson', 'changePersonRoles', 'lockPerson', 'unlockPerson', 'removePerson'],
  ],
  XROAD_OBSERVER: ['getNodes'],
  XROAD_AUDITOR: [
    ...['getAuditLog', 'getLastActs', 'exportAuditLog', 'verifyAuditLog', 'getPeople', 'getPasskeysOf'],
    'getDrift',
  ],
}
const DECIDERS = ['approveProposal', 'rejectProposal', 'withdrawProposal']
const PROPOSALS = ['getProposals', 'getProposal']
const READERS = [
  ...['getEndingSoon', 'getLastDay'],
  ...['getExternalAnchors', 'getExternalAnchor', 'getExternalAnchorFile'],
  'redeemInstallationCode',
  'getWitness',
  'getPublicLogWitnesses',
  ...['getBackups', 'getBackupState', 'getRestoration'],
  ...['getRevisions', 'getRevision', 'getRevisionContent'],
  ...['getAuditOrders', 'getAuditOrder', 'downloadAuditAnswer'],
  ...[
    'getOverview',
    'findAnything',
    'getNames',
    'getMember',
    'getAllSubsystems',
    'getSubsystem',
    'getSecurityServer',
    'getServerClients',
  ],
  ...['getGlobalGroup', 'getGlobalGroupMembers'],
  ...['getPasskeys', 'getPasskeyOptions', 'addPasskey', 'removePasskey'],
  ...['getSession', 'getSystem', 'getMemberClasses', 'getMembers', 'getSubsystems', 'getSecurityServers'],
  ...[
    'getCertificationServices',
    'getCertificateFile',
    'getTimestampingServices',
    'getGlobalGroups',
    'getConfiguration',
    'getAnchor',
  ],
  ...['getManagementRequests', 'getManagementRequest', 'getAutomaticApprovals', 'getWebhook'],
  ...['getSuspensions', 'getSuspension', 'getSuspensionPolicy'],
  ...['getImports', 'getImport', 'getImportReport', 'getImportFindings'],
  ...['getContracts', 'getContract', 'getContractPolicy', 'explainCall', 'getConsequences'],
  ...['getHostingMandates', 'getHostingMandate', 'getHostingPolicy'],
  ...['planSuccession', 'getSuccession', 'getSuccessions'],
  ...['getFleet', 'getFleetServer', 'getFleetTroubles', 'getOutages'],
  ...['getCertificateProfiles', 'tryCertificateProfile', 'getTrustedIssuers'],
  ...['getCampaign', 'getCampaignServers', 'exportCampaign'],
  ...['getCatalogue', 'getCatalogueService', 'getCatalogueDocument', 'draftContractTerms'],
]
/** Which operations need two persons once the registry is installed, also written down a second time. */
const MARKED = [
  ...['setManagementServiceProvider', 'setMonitoringClient'],
  'acceptRestoredRegistry',
  ...['trustExternalAnchor', 'removeExternalAnchor'],
  ...['addCertificationService', 'deleteCertificationService', 'addIntermediateCa', 'deleteIntermediateCa'],
  ...[
    'addTimestampingService',
    'deleteTimestampingService',
    'addSigningKey',
    'activateSigningKey',
    'adoptSigningKey',
    'replaceIdentityKey',
    'replacePublishedKey',
  ],
  ...['approveManagementRequest', 'setAutomaticApproval', 'liftSuspension', 'carryOutImport'],
  ...['putCertificateProfile', 'deleteCertificateProfile', 'putTrustedIssuer', 'withdrawTrustedIssuer'],
  ...['setAcmeServer', 'addJoinSecret', 'removeNode'],
  'setSuspensionPolicy',
  ...['approveContract', 'resumeContract', 'terminateContract', 'setContractPolicy'],
  ...['addHostingMandate', 'setHostingPolicy', 'beginSuccession', 'completeSuccession'],
  ...['deleteSigningKey', 'addMember', 'deleteMember', 'addGlobalGroupMember', 'deleteGlobalGroupMember'],
  ...['addAuthenticationCertificate', 'registerClient', 'addApiKey'],
  ...['invitePerson', 'changePersonRoles', 'unlockPerson', 'removePerson'],
]

void t.test('each operation by each role, and without a key', async (t) => {
  const database = await openRegistryDatabase('sqlite::memory:')
  t.teardown(() => database.close())
  const rooms = {
    apiKeys: createApiKeys({ database, clock: Date.now }),
    audit: createAuditLog({ database, clock: Date.now }),
  }
  const operations = readOperations(await registryApi())
  const log = createLog({ name: 'test', destination: { write: () => undefined } })
  const app = createHttpService({ name: 'admin', log })
  t.teardown(() => app.close())
  const authenticate = (authorization: string | undefined) => rooms.apiKeys.authenticate(authorization)
  const fourEyes = {
    isRequired: async () => false,
    propose: () => Promise.reject(new Error('nothing is proposed here')),
    checkAnswerable: async () => undefined,
  }
  const { operations: own = {} } = await administration.open({
    ...{ ...rooms, log, approvals: fourEyes, settings: { admin: {} } },
    transparencyLog: createLogStore(database),
    members: { parameters: async () => ({ instance: 'DEV' }) },
  })
  const handlers = operations
    .filter(({ id }) => !Object.hasOwn(own, id))
    .map(({ id }): [string, () => Promise<unknown>] => [id, async () => ({})])
  await registerOpenApi(app, {
    ...{ document: await registryApi(), authenticate, fourEyes, audit: rooms.audit },
    handlers: { ...Object.fromEntries(handlers), ...own },
    once: (_, act) => act(),
  })
  t.same(Object.keys(ALLOWED), ROLES)
  const expected = new Set([...READERS, ...PROPOSALS, ...DECIDERS, ...Object.values(ALLOWED).flat()])
  t.same(operations.map(({ id }) => id).sort(), [...expected].sort(), 'the table names every operation')

  // docs/who-decides.md gives the reason for each: a new operation has to be classified there.
  const told = [
    ...readFileSync(WHO_DECIDES, 'utf8').matchAll(/^\| `(\w+)` \| (two|one|one, at once) \| \S.* \|$/gm),
  ]
  const persons = operations
    .filter(({ method }) => method !== 'GET')
    .map(({ id, fourEyes: two, emergency }) => `${id}: ${two ? 'two' : emergency ? 'one, at once' : 'one'}`)
  t.same(told.map(([, id, who]) => `${id}: ${who}`).sort(), persons.sort())

  const marked = operations.filter((operation) => operation.fourEyes).map(({ id }) => id)
  t.same(marked.sort(), [...MARKED].sort())

  const ask = async (url: string, method: string, token?: string): Promise<number> => {
    const headers = token === undefined ? {} : { authorization: `X-Road-ApiKey token=${token}` }
    return (await app.inject({ method: method as 'GET', url: url.replace(/:\w+/g, 'x'), headers })).statusCode
  }
  for (const role of ROLES) {
    const { secret } = await rooms.apiKeys.create({ name: role, roles: [role] })
    for (const { id, method, url } of operations) {
      const status = await ask(url, method, secret)
      const isOfficer = role !== 'XROAD_OBSERVER' && role !== 'XROAD_AUDITOR'
      const decides = DECIDERS.includes(id) && isOfficer
      const reads = READERS.includes(id) || (PROPOSALS.includes(id) && role !== 'XROAD_OBSERVER')
      const allowed = reads || decides || ALLOWED[role]!.includes(id)
      // An allowed call fails only at its input, which is empty here.
      t.equal(status === 403, !allowed, `${role} ${id}: ${status}`)
    }
  }
  const gone = await rooms.apiKeys.create({ name: 'gone', roles: ROLES })
  await rooms.apiKeys.revoke(gone.id)
  for (const token of [undefined, gone.secret, 'x', `${gone.id}.`]) {
    for (const { method, url } of operations) t.equal(await ask(url, method, token), 401)
  }
})
