/** Row types of the catalogue. `_at` columns are ISO texts. */
import type { Generated } from 'kysely'
import type { Time, Whole } from '#schemas/sent-values.ts'
import type { RegisterTables } from '../../register/tables.ts'

export type CatalogueServiceRow = {
  /** The service's id in its text form. */
  id: string
  provider: string
  service_code: string
  type: 'REST' | 'OPENAPI' | 'WSDL'
  /** JSON lists and objects: see catalogue/rules.ts. */
  endpoints: string
  contact: string
  access: string
  title: string
  description: string
  version: string
  /** SHA-256 of the OpenAPI or WSDL document; null when there is none. */
  document: string | null
  status: 'offered' | 'withdrawn'
  search: string
  first_seen: Time
  last_seen: Time
  changed_at: Time
}

type CatalogueTables = {
  catalogue_subsystem: {
    subsystem: string
    next_at: Time
    asked_at: Time
    answered_at: Time | null
    failure: string | null
  }
  /**
   * `audience_access` is the access from which its rows in catalogue_audience follow; older versions do not
   * write it.
   */
  catalogue_service: CatalogueServiceRow & { audience_access: string | null }
  /** Whom the catalogue tells security servers of it for; `code` is empty for everybody. */
  catalogue_audience: { service: string; kind: 'everybody' | 'memberClass' | 'globalGroup'; code: string }
  catalogue_document: { sha256: string; content: Buffer }
  catalogue_change: {
    id: Generated<Whole>
    service: string
    at: Time
    what: string
    before: string | null
    after: string | null
  }
}

/** The tables that this feature's stores use. */
export type Tables = RegisterTables & CatalogueTables
