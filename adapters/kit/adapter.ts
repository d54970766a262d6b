/**
 * The type of an adapter: what one system's dialect adds to the kit, in one folder, as a value that
 * `serve-adapter.ts` serves.
 */
import type { FastifyInstance } from 'fastify'
import type { Problem } from '#platform/configuration/read-configuration.ts'
import type { Finding } from '#platform/health/create-health.ts'
import type { Handlers } from '#platform/http-service/openapi.ts'
import type { OpenApiDocument } from '#platform/http-service/openapi-operations.ts'
import type { Log } from '#platform/logging/create-log.ts'
import type { Metrics } from '#platform/metrics/create-metrics.ts'
import type { DescribedOperation } from './openapi-document.ts'
import type { KitSettings } from './settings.ts'

export type Adapter<Settings extends KitSettings> = {
  /** The name of its folder, and on the command line. */
  name: string
  /**
   * JSON Schema 2020-12 of its settings file, with `kitProperties`; the prefix of its environment variables.
   */
  schema: object
  prefix: string
  /** Throws what `problem` makes for settings that the schema accepts and that make no sense. */
  check(settings: Settings, problem: Problem): void
  /** What it offers, made from its settings and files alone: the system behind it may be away. */
  describe(settings: Settings): DescribedOperation[] | Promise<DescribedOperation[]>
  /**
   * The document that is published, for an adapter that passes requests on: `described` with the paths of its
   * system. Throws `source_unavailable` while the system, whose own document it is, is away.
   */
  document?(settings: Settings, described: OpenApiDocument): Promise<object>
  /**
   * The WSDL document that is published in place of an OpenAPI document, for an adapter that speaks SOAP, and
   * its services' codes.
   */
  wsdl?(settings: Settings): Promise<{ text: string; services: string[] }>
  /** Whether it is a service of the own security server, which it is unless this says no. */
  isService?(settings: Settings): boolean
  /**
   * What its settings name that has to outlive a container: folders, files and databases. None unless this
   * says so.
   */
  lasting?(settings: Settings): string[]
  /**
   * Opens the way to its system. Throws `invalid_configuration` if the system is there and is not as the
   * settings say. If it is away, this succeeds, `health` says so, and the handlers throw `source_unavailable`
   * until it is back.
   */
  open(q: { settings: Settings; log: Log; metrics: Metrics }): Promise<OpenAdapter>
}

export type OpenAdapter = {
  /** By operation id; each gets values that its parameters' schemas accept. */
  handlers: Handlers
  /** Adds routes below `base` whose requests are passed on as they come, beside those of the handlers. */
  routes?(app: FastifyInstance, base: string): void
  /** Checks for /health/ready by name. */
  health: Record<string, () => Finding | Promise<Finding>>
  /** Frees what it holds, after the last request was answered. */
  close(): Promise<void>
}
