/** Reads the registry's answers about the catalogue: exactly their fields, each within its bounds; pure. */
import {
  integer,
  isoTime,
  list,
  oneOf,
  optional,
  plainText,
  type Read,
  record,
  serverId,
  textOrNone,
  unique,
} from '#core/contract/fields.ts'
import { serviceId, uuid } from '#core/contract/read-content.ts'
import {
  CATALOGUE_LIMITS,
  type CatalogueAccess,
  type CatalogueList,
  type CatalogueService,
  type DescribedService,
  type ListedService,
  SERVICE_TYPES,
} from '#schemas/catalogue.ts'

const ANSWER = { instance: plainText(255), server: serverId, answers: uuid, generatedAt: isoTime }
/** Names have up to 255 characters, each of one or two units. */
const name = textOrNone(510)
const LISTED = {
  service: serviceId,
  memberName: name,
  providerName: name,
  type: oneOf(SERVICE_TYPES),
  title: textOrNone(255),
  version: textOrNone(100),
  lastSeen: isoTime,
}

const codes = list(plainText(510), 0, CATALOGUE_LIMITS.codes)
const access: Read<CatalogueAccess> = (value, at) =>
  value === 'everybody'
    ? value
    : record<Exclude<CatalogueAccess, string>>({ memberClasses: codes, globalGroups: codes })(value, at)

export const readList = record<CatalogueList>({
  ...ANSWER,
  total: integer(0, Number.MAX_SAFE_INTEGER),
  services: unique(list(record<ListedService>(LISTED), 0, CATALOGUE_LIMITS.page), ({ service }) => service),
})

export const readService = record<CatalogueService>({
  ...ANSWER,
  found: optional(
    record<DescribedService>({
      ...LISTED,
      description: textOrNone(4000),
      endpoints: list(
        record<{ method: string; path: string }>({ method: textOrNone(10), path: plainText(500) }),
        0,
        CATALOGUE_LIMITS.endpoints,
      ),
      endpointCount: integer(0, Number.MAX_SAFE_INTEGER),
      access,
      changedAt: isoTime,
    }),
  ),
})
