/**
 * The contents of the console: the groups of its navigation, their entries, the tabs of each, and the pages
 * below a tab.
 */
import { type Group, page } from '../kit/contents.ts'

const overview = async () => (await import('./overview/page.tsx')).OverviewPage
const proposals = async () => (await import('../kit/proposals.tsx')).Proposals
const proposal = async () => (await import('./proposals/one.tsx')).RegistryProposal
const managementRequests = async () => (await import('./management-requests/page.tsx')).Requests
const managementRequest = async () => (await import('./management-requests/one.tsx')).OneRequest
const automaticApprovals = async () =>
  (await import('./management-requests/automatic.tsx')).AutomaticApprovals
const members = async () => (await import('./members/page.tsx')).Members
const member = async () => (await import('./members/one.tsx')).OneMember
const planSuccession = async () => (await import('./successions/plan-page.tsx')).PlanPage
const subsystems = async () => (await import('./subsystems/page.tsx')).Subsystems
const subsystem = async () => (await import('./subsystems/one.tsx')).OneSubsystem
const globalGroups = async () => (await import('./global-groups/page.tsx')).GlobalGroups
const globalGroup = async () => (await import('./global-groups/one.tsx')).OneGroup
const hostingMandates = async () => (await import('./hosting-mandates/page.tsx')).HostingMandates
const successions = async () => (await import('./successions/page.tsx')).Successions
const succession = async () => (await import('./successions/one.tsx')).OneSuccession
const suspensions = async () => (await import('./suspensions/page.tsx')).Suspensions
const securityServers = async () => (await import('./security-servers/page.tsx')).SecurityServers
const securityServer = async () => (await import('./security-servers/one.tsx')).OneServer
const fleet = async () => (await import('./fleet/page.tsx')).Fleet
const fleetServer = async () => (await import('./fleet/one.tsx')).OneServer
const cosignedLogs = async () => (await import('./fleet/logs.tsx')).CosignedLogs
const outages = async () => (await import('./fleet/outages.tsx')).Outages
const campaigns = async () => (await import('./fleet/campaign.tsx')).Campaigns
const campaign = async () => (await import('./fleet/campaign.tsx')).OneCampaign
const catalogue = async () => (await import('./catalogue/page.tsx')).Catalogue
const catalogueService = async () => (await import('./catalogue/one.tsx')).OneService
const contracts = async () => (await import('./contracts/page.tsx')).Contracts
const contract = async () => (await import('./contracts/one.tsx')).OneContract
const explanation = async () => (await import('./explanation/page.tsx')).ExplanationPage
const trustedIssuers = async () => (await import('./trusted-issuers/page.tsx')).TrustedIssuers
const trustServices = async () => (await import('./trust-services/page.tsx')).TrustServices
const newProfile = async () => (await import('./trust-services/profile-page.tsx')).NewProfile
const oneProfile = async () => (await import('./trust-services/profile-page.tsx')).OneProfile
const configuration = async () => (await import('./configuration/page.tsx')).ConfigurationPage
const federation = async () => (await import('./federation/page.tsx')).Federation
const externalAnchor = async () => (await import('./federation/one.tsx')).OneAnchor
const imports = async () => (await import('./imports/page.tsx')).Imports
const oneImport = async () => (await import('./imports/one.tsx')).OneImport
const auditLog = async () => (await import('./audit-log/page.tsx')).AuditLog
const auditOrders = async () => (await import('./audit-orders/page.tsx')).AuditOrders
const settings = async () => (await import('./settings/page.tsx')).Settings
const passkeys = async () => (await import('../kit/my-passkeys.tsx')).MyPasskeys
const people = async () => (await import('./people/page.tsx')).RegistryPeople
const apiKeys = async () => (await import('./api-keys/page.tsx')).RegistryKeys
const mail = async () => (await import('./mail/page.tsx')).Mail
const revisions = async () => (await import('./revisions/page.tsx')).Revisions
const nodes = async () => (await import('./nodes/page.tsx')).Nodes
const backups = async () => (await import('./backups/page.tsx')).Backups

export const contents: Group[] = [
  {
    entries: [
      {
        title: 'overview.title',
        tabs: [
          {
            ...page('/', 'overview.title', 'getOverview', overview),
            below: [page('/passkeys', 'passkeys.title', 'getPasskeys', passkeys)],
          },
        ],
      },
      {
        title: 'entry.proposals',
        tabs: [
          {
            ...page('/proposals', 'proposals.title', 'getProposals', proposals),
            below: [page('/proposals/:id', 'proposals.one', 'getProposal', proposal)],
          },
          {
            ...page('/management-requests', 'requests.title', 'getManagementRequests', managementRequests),
            acts: ['approveManagementRequest'],
            below: [
              page('/management-requests/:id', 'requests.one', 'getManagementRequest', managementRequest),
            ],
          },
          {
            ...page(
              '/management-requests/automatic',
              'automatic.title',
              'getAutomaticApprovals',
              automaticApprovals,
            ),
            acts: ['setAutomaticApproval'],
          },
        ],
      },
    ],
  },
  {
    title: 'group.participants',
    entries: [
      {
        title: 'members.title',
        tabs: [
          {
            ...page('/members', 'members.title', 'getMembers', members),
            acts: [
              'addMember',
              'renameMember',
              'deleteMember',
              'setMailAddresses',
              'setWebhook',
              'beginSuccession',
            ],
            below: [
              page('/members/:id', 'members.one', 'getMember', member),
              page('/members/:id/succession', 'successions.plan', 'planSuccession', planSuccession),
            ],
          },
          {
            ...page('/subsystems', 'subsystems.title', 'getAllSubsystems', subsystems),
            acts: ['addSubsystem', 'deleteSubsystem'],
            below: [page('/subsystems/:id', 'subsystems.one', 'getSubsystem', subsystem)],
          },
          {
            ...page('/global-groups', 'groups.title', 'getGlobalGroups', globalGroups),
            acts: [
              'addGlobalGroup',
              'describeGlobalGroup',
              'addGlobalGroupMember',
              'deleteGlobalGroupMember',
            ],
            below: [page('/global-groups/:code', 'groups.one', 'getGlobalGroup', globalGroup)],
          },
          {
            ...page('/hosting-mandates', 'hosting.title', 'getHostingMandates', hostingMandates),
            acts: ['addHostingMandate', 'setHostingPolicy'],
          },
          {
            ...page('/successions', 'successions.title', 'getSuccessions', successions),
            acts: ['completeSuccession'],
            below: [page('/successions/:id', 'successions.one', 'getSuccession', succession)],
          },
          {
            ...page('/suspensions', 'suspensions.title', 'getSuspensions', suspensions),
            acts: ['addSuspension', 'liftSuspension', 'setSuspensionPolicy'],
          },
        ],
      },
      {
        title: 'servers.title',
        tabs: [
          {
            ...page('/security-servers', 'servers.title', 'getSecurityServers', securityServers),
            acts: [
              'addSecurityServer',
              'addAuthenticationCertificate',
              'registerClient',
              'changeSecurityServerAddress',
              'deleteSecurityServer',
            ],
            below: [page('/security-servers/:id', 'servers.one', 'getSecurityServer', securityServer)],
          },
          {
            ...page('/fleet', 'fleet.title', 'getFleet', fleet),
            acts: ['probeSecurityServer'],
            below: [page('/fleet/:id', 'fleet.one', 'getFleetServer', fleetServer)],
          },
          { ...page('/fleet/outages', 'outages.title', 'getOutages', outages), acts: ['addOutage'] },
          page('/fleet/logs', 'logs.title', 'getWitness', cosignedLogs),
          {
            ...page('/fleet/campaigns', 'campaign.title', 'getCampaign', campaigns),
            acts: ['exportCampaign'],
            below: [page('/fleet/campaigns/:id', 'campaign.one', 'getCampaign', campaign)],
          },
        ],
      },
      {
        title: 'entry.services',
        tabs: [
          {
            ...page('/catalogue', 'catalogue.title', 'getCatalogue', catalogue),
            acts: ['draftContractTerms', 'collectCatalogue'],
            below: [page('/catalogue/:id', 'catalogue.one', 'getCatalogueService', catalogueService)],
          },
          {
            ...page('/contracts', 'contracts.title', 'getContracts', contracts),
            acts: ['approveContract', 'suspendContract', 'terminateContract', 'setContractPolicy'],
            below: [page('/contracts/:id', 'contracts.one', 'getContract', contract)],
          },
          page('/explanation', 'explain.title', 'explainCall', explanation),
        ],
      },
    ],
  },
  {
    title: 'group.instance',
    entries: [
      {
        title: 'entry.trust',
        tabs: [
          {
            ...page('/trust-services', 'trust.title', 'getCertificationServices', trustServices),
            acts: ['addCertificationService', 'addTimestampingService', 'addIntermediateCa', 'setAcmeServer'],
            below: [
              page('/new-certificate-profile', 'profiles.add', 'putCertificateProfile', newProfile),
              page('/certificate-profiles/:name', 'profiles.one', 'putCertificateProfile', oneProfile),
            ],
          },
          {
            ...page('/trusted-issuers', 'issuers.title', 'getTrustedIssuers', trustedIssuers),
            acts: ['putTrustedIssuer', 'withdrawTrustedIssuer'],
          },
          {
            ...page('/configuration', 'configuration.title', 'getConfiguration', configuration),
            acts: [
              'publishConfiguration',
              'addSigningKey',
              'adoptSigningKey',
              'activateSigningKey',
              'giveSigningTokenPinPart',
              'replaceIdentityKey',
              'replacePublishedKey',
            ],
          },
        ],
      },
      {
        title: 'federation.title',
        tabs: [
          {
            ...page('/external-anchors', 'federation.title', 'getExternalAnchors', federation),
            acts: ['examineExternalAnchor', 'trustExternalAnchor'],
            below: [page('/external-anchors/:sha256', 'federation.one', 'getExternalAnchor', externalAnchor)],
          },
          {
            ...page('/imports', 'imports.title', 'getImports', imports),
            acts: ['addImport', 'carryOutImport'],
            below: [page('/imports/:id', 'imports.one', 'getImport', oneImport)],
          },
        ],
      },
      {
        title: 'entry.audit',
        tabs: [
          {
            ...page('/audit-log', 'audit.title', 'getAuditLog', auditLog),
            acts: ['verifyAuditLog', 'exportAuditLog'],
          },
          {
            ...page('/audit-orders', 'auditOrders.title', 'getAuditOrders', auditOrders),
            acts: ['addAuditOrder'],
          },
        ],
      },
      {
        title: 'settings.title',
        tabs: [
          {
            ...page('/settings', 'settings.title', 'getSystem', settings),
            acts: [
              'addMemberClass',
              'describeMemberClass',
              'setManagementServiceProvider',
              'setMonitoringClient',
              'removeMonitoringClient',
            ],
          },
          {
            ...page('/people', 'people.title', 'getPeople', people),
            acts: ['invitePerson', 'changePersonRoles', 'unlockPerson', 'removePerson'],
          },
          { ...page('/api-keys', 'keys.title', 'getApiKeys', apiKeys), acts: ['addApiKey'] },
          { ...page('/mail-messages', 'mail.title', 'getMailMessages', mail), acts: ['retryMailMessages'] },
          page('/revisions', 'revisions.title', 'getRevisions', revisions),
          { ...page('/backups', 'backups.title', 'getBackups', backups), acts: ['makeBackup'] },
          { ...page('/nodes', 'nodes.title', 'getNodes', nodes), acts: ['addJoinSecret', 'removeNode'] },
        ],
      },
    ],
  },
]
