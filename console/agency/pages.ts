/**
 * The contents of the console: the groups of its navigation, their entries, the tabs of each, and the pages
 * below a tab.
 */
import { type Group, page } from '../kit/contents.ts'

const overview = async () => (await import('./overview/page.tsx')).OverviewPage
const firstStart = async () => (await import('./first-start/page.tsx')).FirstStartPage
const clients = async () => (await import('./services/clients.tsx')).Clients
const addClient = async () => (await import('./clients/add.tsx')).AddPage
const client = async () => (await import('./services/client.tsx')).ClientPage
const systems = async () => (await import('./clients/systems.tsx')).SystemsPage
const groups = async () => (await import('./clients/groups.tsx')).GroupsPage
const group = async () => (await import('./clients/group.tsx')).GroupPage
const addGroupMembers = async () => (await import('./clients/group.tsx')).AddMembersPage
const clientCalls = async () => (await import('./clients/calls.tsx')).CallsPage
const serviceClients = async () => (await import('./services/service-clients.tsx')).ServiceClients
const description = async () => (await import('./services/description.tsx')).DescriptionPage
const service = async () => (await import('./services/service.tsx')).ServicePage
const giveServices = async () => (await import('./services/give-services.tsx')).GiveServicesPage
const giveRight = async () => (await import('./services/give.tsx')).GivePage
const contracts = async () => (await import('./contracts/page.tsx')).Contracts
const proposeContract = async () => (await import('./contracts/propose.tsx')).ProposeContract
const proposeVersion = async () => (await import('./contracts/propose.tsx')).ProposeVersion
const contract = async () => (await import('./contracts/one.tsx')).OneContract
const deliveries = async () => (await import('./deliveries/page.tsx')).DeliveriesSent
const deliveriesReceived = async () => (await import('./deliveries/page.tsx')).DeliveriesReceived
const deliverySent = async () => (await import('./deliveries/one.tsx')).DeliverySent
const deliveryReceived = async () => (await import('./deliveries/one.tsx')).DeliveryReceived
const deliveryKeys = async () => (await import('./deliveries/keys.tsx')).DeliveryKeysPage
const rooms = async () => (await import('./rooms/page.tsx')).RoomsPage
const subscriptions = async () => (await import('./rooms/subscriptions.tsx')).SubscriptionsPage
const eventType = async () => (await import('./rooms/one.tsx')).TypePage
const catalogue = async () => (await import('./catalogue/page.tsx')).Catalogue
const catalogueService = async () => (await import('./catalogue/one.tsx')).CatalogueService
const tryOuts = async () => (await import('./try-outs/page.tsx')).TryServices
const keys = async () => (await import('./keys/page.tsx')).KeysPage
const key = async () => (await import('./keys/key.tsx')).KeyPage
const makeRequest = async () => (await import('./keys/request.tsx')).RequestPage
const foundKeys = async () => (await import('./keys/found.tsx')).FoundPage
const renewals = async () => (await import('./keys/renewals.tsx')).RenewalsPage
const internalTls = async () => (await import('./keys/internal-tls.tsx')).InternalTlsPage
const diagnostics = async () => (await import('./diagnostics/page.tsx')).DiagnosticsPage
const connections = async () => (await import('./diagnostics/connections.tsx')).ConnectionsPage
const monitoring = async () => (await import('./diagnostics/monitoring.tsx')).MonitoringPage
const call = async () => (await import('./diagnostics/call.tsx')).CallPage
const traffic = async () => (await import('./traffic/page.tsx')).TrafficPage
const serviceTraffic = async () => (await import('./traffic/services.tsx')).ServicesPage
const settings = async () => (await import('./settings/page.tsx')).SettingsPage
const requests = async () => (await import('./requests/page.tsx')).RequestsPage
const passkeys = async () => (await import('../kit/my-passkeys.tsx')).MyPasskeys
const proposals = async () => (await import('../kit/proposals.tsx')).Proposals
const proposal = async () => (await import('./proposals/one.tsx')).ServerProposal
const people = async () => (await import('./people/page.tsx')).ServerPeople
const apiKeys = async () => (await import('./api-keys/page.tsx')).ServerKeys
const backups = async () => (await import('./backups/page.tsx')).Backups
const deadlines = async () => (await import('./deadlines/page.tsx')).DeadlinesPage
const revisions = async () => (await import('./revisions/page.tsx')).Revisions
const acts = async () => (await import('./acts/page.tsx')).Acts
const records = async () => (await import('./records/page.tsx')).RecordsPage
const exchange = async () => (await import('./exchange/page.tsx')).ExchangePage
const person = async () => (await import('./person/page.tsx')).PersonPage
const personSearch = async () => (await import('./person/one.tsx')).OneSearch
const personPlaces = async () => (await import('./person-places/page.tsx')).PersonPlaces
const exportsPage = async () => (await import('./exports/page.tsx')).ExportsPage
const contentRequests = async () => (await import('./content-requests/page.tsx')).ContentRequestsPage
const auditOrders = async () => (await import('./audit-orders/page.tsx')).AuditOrders
const looks = async () => (await import('./looks/page.tsx')).Looks
const integrity = async () => (await import('./integrity/page.tsx')).Integrity
const verification = async () => (await import('./verification/page.tsx')).VerificationPage
const witnesses = async () => (await import('./witnesses/page.tsx')).WitnessesPage
const reconciliation = async () => (await import('./reconciliation/page.tsx')).ReconciliationPage
const cases = async () => (await import('./cases/page.tsx')).CasesPage
const caseOne = async () => (await import('./cases/one.tsx')).CasePage
const complaints = async () => (await import('./complaints/page.tsx')).ComplaintsPage
const complaint = async () => (await import('./complaints/one.tsx')).ComplaintPage
const retention = async () => (await import('./retention/page.tsx')).RetentionPage
const holds = async () => (await import('./holds/page.tsx')).HoldsPage
const trackers = async () => (await import('./trackers/page.tsx')).TrackersPage
const toldServices = async () => (await import('./trackers/services.tsx')).ToldServices
const consents = async () => (await import('./consents/page.tsx')).ConsentsPage
const archives = async () => (await import('./archives/page.tsx')).ArchivesPage

export const contents: Group[] = [
  {
    entries: [
      {
        title: 'home.title',
        tabs: [
          {
            ...page('/', 'home.title', 'getMessageLogState', overview),
            below: [
              page('/passkeys', 'passkeys.title', 'getPasskeys', passkeys),
              page('/first-start', 'firstStart.title', 'getFirstStart', firstStart),
            ],
          },
        ],
      },
    ],
  },
  {
    title: 'group.server',
    entries: [
      {
        title: 'clients.title',
        tabs: [
          {
            ...page('/clients', 'clients.title', 'findClients', clients),
            acts: [
              'registerClient',
              'addClientServiceDescription',
              'addAccessRight',
              'addClientLocalGroup',
              'addClientTlsCertificate',
              'disableClient',
              'changeOwner',
            ],
            below: [
              page('/clients/add', 'clients.add', 'addClient', addClient),
              page('/clients/:id', 'clients.one', 'getClient', client),
              page('/clients/:id/systems', 'clients.tab.systems', 'getClientTlsCertificates', systems),
              page('/clients/:id/groups', 'localGroups.title', 'getClientLocalGroups', groups),
              page('/clients/groups/:id', 'localGroups.one', 'getLocalGroup', group),
              page(
                '/clients/groups/:id/add',
                'localGroups.addMembers',
                'addLocalGroupMembers',
                addGroupMembers,
              ),
              page('/clients/:id/service-clients', 'rights.whoMay', 'getServiceClients', serviceClients),
              page('/clients/:id/service-clients/give', 'rights.give', 'addAccessRight', giveServices),
              page('/clients/:id/calls', 'calls.title', 'getContracts', clientCalls),
              page('/clients/descriptions/:id', 'services.description', 'getServiceDescription', description),
              page('/clients/services/:id', 'services.one', 'getService', service),
              page('/clients/services/:id/give', 'rights.give', 'findServiceClientCandidates', giveRight),
            ],
          },
          {
            ...page('/contracts', 'contracts.title', 'getContracts', contracts),
            acts: ['acceptContract', 'terminateContract'],
            below: [
              page('/contracts/propose', 'contracts.propose', 'proposeContract', proposeContract),
              page(
                '/contracts/:id/propose',
                'contract.proposeVersion',
                'proposeContractVersion',
                proposeVersion,
              ),
              page('/contracts/:id', 'contracts.one', 'getContract', contract),
            ],
          },
          {
            ...page('/deliveries', 'deliveries.title', 'getDeliveries', deliveries),
            together: 'deliveries.title',
            short: 'deliveries.tab.sent',
            acts: ['redriveDeliveries'],
            below: [page('/deliveries/outbox/:position', 'deliveries.one', 'getDelivery', deliverySent)],
          },
          {
            ...page('/deliveries/received', 'deliveries.title', 'getDeliveries', deliveriesReceived),
            together: 'deliveries.title',
            short: 'deliveries.tab.received',
            below: [page('/deliveries/inbox/:position', 'deliveries.one', 'getDelivery', deliveryReceived)],
          },
          {
            ...page('/deliveries/keys', 'deliveryKeys.title', 'getDeliveryKeys', deliveryKeys),
            together: 'deliveries.title',
            short: 'deliveryKeys.tab',
            acts: ['rotateDeliveryKey'],
          },
          {
            ...page('/rooms', 'rooms.title', 'getRooms', rooms),
            together: 'rooms.tab',
            short: 'rooms.types',
            acts: ['addEventType'],
            below: [page('/rooms/types/:id', 'rooms.type', 'getEventType', eventType)],
          },
          {
            ...page('/rooms/subscriptions', 'rooms.subscriptions', 'getSubscriptions', subscriptions),
            together: 'rooms.tab',
          },
          {
            ...page('/catalogue', 'catalogue.title', 'findCatalogueServices', catalogue),
            together: 'catalogue.findAndTry',
            below: [page('/catalogue/:id', 'catalogue.one', 'getCatalogueService', catalogueService)],
          },
          { ...page('/try-outs', 'tryOuts.title', 'tryService', tryOuts), together: 'catalogue.findAndTry' },
        ],
      },
      {
        title: 'certs.title',
        tabs: [
          {
            ...page('/keys', 'certs.title', 'getTokens', keys),
            short: 'certs.tab.tokens',
            acts: [
              'addKey',
              'generateCsr',
              'importCertificate',
              'registerCertificate',
              'loginToken',
              'updateTokenPin',
            ],
            below: [
              page('/keys/:id', 'certs.one', 'getKey', key),
              page('/keys/:id/request', 'certs.makeRequest', 'generateCsr', makeRequest),
              page('/keys/tokens/:id/found', 'certs.found', 'getFoundKeys', foundKeys),
            ],
          },
          {
            ...page('/keys/renewals', 'renewals.title', 'getCertificateRenewals', renewals),
            acts: ['beginCertificateRenewal'],
          },
          {
            ...page('/keys/internal-tls', 'certs.tab.internal', 'getSystemCertificate', internalTls),
            acts: ['generateSystemTlsKeyAndCertificate'],
          },
        ],
      },
      {
        title: 'diagnostics.title',
        tabs: [
          {
            ...page('/diagnostics', 'diagnostics.title', 'getDiagnostics', diagnostics),
            short: 'diagnostics.tab.parts',
          },
          page('/diagnostics/connections', 'connections.title', 'testConnections', connections),
          page('/diagnostics/call', 'call.title', 'explainCall', call),
          page('/diagnostics/monitoring', 'monitoring.title', 'getMonitoring', monitoring),
          {
            ...page('/traffic', 'traffic.title', 'getTraffic', traffic),
            together: 'traffic.title',
            short: 'entry.exchanges',
          },
          {
            ...page('/traffic/services', 'traffic.services', 'getServiceTraffic', serviceTraffic),
            together: 'traffic.title',
          },
        ],
      },
      {
        title: 'system.title',
        tabs: [
          {
            ...page('/settings', 'system.title', 'getInitializationStatus', settings),
            acts: ['addressChange', 'enableMaintenanceMode', 'replaceAnchor'],
          },
          page('/requests', 'filed.title', 'getManagementRequests', requests),
          {
            ...page('/people', 'people.title', 'getPeople', people),
            together: 'people.andKeys',
            acts: ['invitePerson', 'changePersonRoles', 'unlockPerson', 'removePerson'],
          },
          {
            ...page('/api-keys', 'keys.title', 'getApiKeys', apiKeys),
            together: 'people.andKeys',
            acts: ['addApiKey'],
          },
          {
            ...page('/proposals', 'proposals.title', 'getProposals', proposals),
            together: 'acts.andProposals',
            below: [page('/proposals/:id', 'proposals.one', 'getProposal', proposal)],
          },
          { ...page('/acts', 'acts.title', 'getAuditLog', acts), together: 'acts.andProposals' },
          {
            ...page('/revisions', 'revisions.title', 'getRevisions', revisions),
            together: 'acts.andProposals',
          },
          { ...page('/backups', 'backups.title', 'getBackups', backups), acts: ['makeBackup'] },
          page('/deadlines', 'deadlines.title', 'getDeadlines', deadlines),
        ],
      },
    ],
  },
  {
    title: 'group.log',
    entries: [
      {
        title: 'entry.exchanges',
        tabs: [
          {
            ...page('/records', 'search.title', 'findExchanges', records),
            acts: ['getRecordContent', 'orderExport'],
            below: [page('/exchanges/:index', 'exchange.title', 'getExchange', exchange)],
          },
          // For auditors who search. Other callers of the index's state use the API.
          {
            ...page('/about-a-person', 'person.title', 'findRecords', person),
            together: 'person.tab',
            below: [page('/about-a-person/:id', 'person.one', 'findSubjectRecords', personSearch)],
          },
          {
            ...page('/person-places', 'places.title', 'getSubjectPlaces', personPlaces),
            together: 'person.tab',
            acts: ['addSubjectPlace'],
          },
          {
            ...page('/trackers', 'trackers.title', 'getTrackers', trackers),
            together: 'person.tab',
            acts: ['switchTrackerOn', 'addTrackerException', 'setTrackerService'],
            below: [page('/trackers/:id', 'told.title', 'getTrackerServices', toldServices)],
          },
          {
            ...page('/consents', 'consents.title', 'getConsentServices', consents),
            together: 'person.tab',
            acts: ['switchConsentsOn'],
          },
          page('/exports', 'exports.title', 'getExports', exportsPage),
          {
            ...page('/content-requests', 'contentRequests.title', 'getContentRequests', contentRequests),
            acts: ['grantContentRequest'],
          },
          {
            ...page('/audit-orders', 'auditOrders.title', 'getAuditOrders', auditOrders),
            acts: ['approveAuditOrder'],
          },
          page('/looks', 'looks.title', 'getAuditLog', looks),
        ],
      },
      {
        title: 'integrity.title',
        tabs: [
          {
            ...page('/integrity', 'integrity.title', 'getTreeHeads', integrity),
            acts: ['verifyMessageLog', 'timeStampMessageLog', 'checkpointMessageLog', 'rotateMessageLogKey'],
          },
          {
            ...page('/verification', 'verification.title', 'getVerifications', verification),
            acts: ['startVerification'],
          },
          page('/witnesses', 'witnesses.title', 'getLogWitnesses', witnesses),
        ],
      },
      {
        title: 'reconciliation.title',
        tabs: [
          page('/reconciliation', 'reconciliation.title', 'getReconciliations', reconciliation),
          {
            ...page('/cases', 'cases.title', 'getReconciliationCases', cases),
            below: [page('/cases/:id', 'cases.one', 'getReconciliationCase', caseOne)],
          },
          {
            ...page('/complaints', 'complaints.title', 'getComplaints', complaints),
            acts: ['answerComplaint'],
            below: [page('/complaints/:id', 'complaints.one', 'getComplaint', complaint)],
          },
        ],
      },
      {
        title: 'retention.title',
        tabs: [
          {
            ...page('/retention', 'retention.title', 'getRetention', retention),
            acts: ['putRetentionClass', 'assignRetentionClass', 'eraseRecord'],
          },
          { ...page('/holds', 'holds.title', 'findLegalHolds', holds), acts: ['setLegalHold'] },
          { ...page('/archives', 'archives.title', 'findArchives', archives), acts: ['downloadArchive'] },
        ],
      },
    ],
  },
]
