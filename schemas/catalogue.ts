/**
 * What a security server asks of the registry's catalogue, and the signed answers. Identifiers are in text
 * form, times in ISO form with milliseconds. Texts come from providers and may be empty.
 */
import type { DocumentHead } from './management-request.ts'
import type { Time } from './sent-values.ts'

/** The `typ` of each document's JWS, so that no document can pass for another kind. */
export const CATALOGUE_DOCUMENT = {
  query: 'concordat-catalogue-query',
  list: 'concordat-catalogue-list',
  serviceQuery: 'concordat-catalogue-service-query',
  service: 'concordat-catalogue-service',
} as const

export const CATALOGUE_LIMITS = {
  /** Services of one page. */
  page: 200,
  offset: 1_000_000,
  search: 255,
  /** Endpoints that an answer about one service names; the rest are counted. */
  endpoints: 200,
  /**
   * Characters of an id: of a service with a longer one no server is told, so that it cannot spoil a page.
   */
  id: 1100,
  /** Member classes, and global groups, that may ask for access. */
  codes: 100,
} as const

export const SERVICE_TYPES = ['REST', 'OPENAPI', 'WSDL'] as const

/** A page of the services for which a client of this server may ask access. */
export type CatalogueQuery = DocumentHead & { server: string; q?: string; offset: number; limit: number }

export type CatalogueServiceQuery = DocumentHead & { server: string; service: string }

export type ListedService = {
  service: string
  memberName: string
  /** The subsystem's own name. */
  providerName: string
  type: (typeof SERVICE_TYPES)[number]
  title: string
  version: string
  lastSeen: string
}

/** Who may ask for access, in the provider's words. */
export type CatalogueAccess = 'everybody' | { memberClasses: string[]; globalGroups: string[] }

export type DescribedService = ListedService & {
  description: string
  endpoints: { method: string; path: string }[]
  endpointCount: number
  access: CatalogueAccess
  changedAt: Time
}

type Answer = {
  instance: string
  server: string
  /** The id of the query. */
  answers: string
  generatedAt: Time
}

/** Signed with a configuration signing key. */
export type CatalogueList = Answer & { total: number; services: ListedService[] }

/** `found` is absent when the catalogue has no such service, or not for this server. */
export type CatalogueService = Answer & { found?: DescribedService }
