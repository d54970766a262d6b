/** The pages of the console in the order of its navigation: each page is a folder, and an entry here. */
import type { Page } from '../kit/frame.tsx'
import { apiKeys } from './api-keys/page.tsx'
import { auditLog } from './audit-log/page.tsx'
import { auditOrders } from './audit-orders/page.tsx'
import { backups } from './backups/page.tsx'
import { catalogueService } from './catalogue/one.tsx'
import { catalogue } from './catalogue/page.tsx'
import { configuration } from './configuration/page.tsx'
import { contract } from './contracts/one.tsx'
import { contracts } from './contracts/page.tsx'
import { explanation } from './explanation/page.tsx'
import { externalAnchor } from './federation/one.tsx'
import { federation } from './federation/page.tsx'
import { campaign, campaigns } from './fleet/campaign.tsx'
import { fleetServer } from './fleet/one.tsx'
import { outages } from './fleet/outages.tsx'
import { fleet } from './fleet/page.tsx'
import { globalGroup } from './global-groups/one.tsx'
import { globalGroups } from './global-groups/page.tsx'
import { hostingMandates } from './hosting-mandates/page.tsx'
import { oneImport } from './imports/one.tsx'
import { imports } from './imports/page.tsx'
import { mail } from './mail/page.tsx'
import { automaticApprovals } from './management-requests/automatic.tsx'
import { managementRequest } from './management-requests/one.tsx'
import { managementRequests } from './management-requests/page.tsx'
import { member } from './members/one.tsx'
import { members } from './members/page.tsx'
import { overview } from './overview/page.tsx'
import { people } from './people/page.tsx'
import { proposal } from './proposals/one.tsx'
import { proposals } from './proposals/page.tsx'
import { securityServer } from './security-servers/one.tsx'
import { securityServers } from './security-servers/page.tsx'
import { settings } from './settings/page.tsx'
import { subsystem } from './subsystems/one.tsx'
import { subsystems } from './subsystems/page.tsx'
import { succession } from './successions/one.tsx'
import { successions } from './successions/page.tsx'
import { planSuccession } from './successions/plan-page.tsx'
import { suspensions } from './suspensions/page.tsx'
import { trustServices } from './trust-services/page.tsx'
import { newProfile, oneProfile } from './trust-services/profile-page.tsx'

export const pages: Page[] = [
  overview,
  proposals,
  proposal,
  managementRequests,
  // Before the page of one request, whose path pattern matches this path too.
  automaticApprovals,
  managementRequest,
  members,
  member,
  planSuccession,
  subsystems,
  subsystem,
  securityServers,
  securityServer,
  fleet,
  // Before the page of one server, whose path pattern matches these paths too.
  outages,
  campaigns,
  campaign,
  fleetServer,
  catalogue,
  catalogueService,
  contracts,
  contract,
  suspensions,
  trustServices,
  newProfile,
  oneProfile,
  explanation,
  auditOrders,
  hostingMandates,
  successions,
  succession,
  globalGroups,
  globalGroup,
  configuration,
  federation,
  externalAnchor,
  imports,
  oneImport,
  mail,
  people,
  apiKeys,
  auditLog,
  backups,
  settings,
]
