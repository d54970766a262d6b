/** The pages of the console in the order of its navigation: each page is a folder, and an entry here. */
import type { Page } from '../kit/frame.tsx'
import { apiKeys } from './api-keys/page.tsx'
import { archives } from './archives/page.tsx'
import { auditOrders } from './audit-orders/page.tsx'
import { backups } from './backups/page.tsx'
import { caseOne } from './cases/one.tsx'
import { cases } from './cases/page.tsx'
import { addClient } from './clients/add.tsx'
import { addGroupMembers, group } from './clients/group.tsx'
import { groups } from './clients/groups.tsx'
import { systems } from './clients/systems.tsx'
import { contentRequests } from './content-requests/page.tsx'
import { contract } from './contracts/one.tsx'
import { contracts } from './contracts/page.tsx'
import { proposeContract, proposeVersion } from './contracts/propose.tsx'
import { delivery } from './deliveries/one.tsx'
import { deliveries, deliveriesReceived } from './deliveries/page.tsx'
import { call } from './diagnostics/call.tsx'
import { connections } from './diagnostics/connections.tsx'
import { diagnostics } from './diagnostics/page.tsx'
import { exchange } from './exchange/page.tsx'
import { exportsPage } from './exports/page.tsx'
import { holds } from './holds/page.tsx'
import { integrity } from './integrity/page.tsx'
import { foundKeys } from './keys/found.tsx'
import { internalTls } from './keys/internal-tls.tsx'
import { key } from './keys/key.tsx'
import { keys } from './keys/page.tsx'
import { makeRequest } from './keys/request.tsx'
import { looks } from './looks/page.tsx'
import { overview } from './overview/page.tsx'
import { people } from './people/page.tsx'
import { personSearch } from './person/one.tsx'
import { person } from './person/page.tsx'
import { reconciliation } from './reconciliation/page.tsx'
import { records } from './records/page.tsx'
import { requests } from './requests/page.tsx'
import { retention } from './retention/page.tsx'
import { eventType } from './rooms/one.tsx'
import { rooms } from './rooms/page.tsx'
import { subscriptions } from './rooms/subscriptions.tsx'
import { client } from './services/client.tsx'
import { clients } from './services/clients.tsx'
import { description } from './services/description.tsx'
import { giveRight } from './services/give.tsx'
import { service } from './services/service.tsx'
import { serviceClients } from './services/service-clients.tsx'
import { settings } from './settings/page.tsx'
import { traffic } from './traffic/page.tsx'
import { tryOuts } from './try-outs/page.tsx'
import { verification } from './verification/page.tsx'
import { witnesses } from './witnesses/page.tsx'

export const pages: Page[] = [
  overview,
  records,
  person,
  personSearch,
  exchange,
  exportsPage,
  traffic,
  deliveries,
  deliveriesReceived,
  delivery,
  rooms,
  subscriptions,
  eventType,
  clients,
  // Before the page of one client, whose path pattern matches this path too.
  addClient,
  client,
  systems,
  groups,
  group,
  addGroupMembers,
  serviceClients,
  description,
  service,
  giveRight,
  tryOuts,
  keys,
  // Before the page of one key, whose path pattern matches this path too.
  internalTls,
  key,
  makeRequest,
  foundKeys,
  requests,
  diagnostics,
  connections,
  call,
  settings,
  contracts,
  // Before the page of one contract, whose path pattern matches these paths too.
  proposeContract,
  proposeVersion,
  contract,
  integrity,
  verification,
  witnesses,
  reconciliation,
  cases,
  caseOne,
  retention,
  holds,
  archives,
  auditOrders,
  contentRequests,
  looks,
  backups,
  people,
  apiKeys,
]
