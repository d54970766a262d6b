/**
 * What the metadata of a request's record say of an outage of the registry: since when the configuration by
 * which the server judged the request was past its end. It went on by the outage grace of its contract.
 */

const TIME = /^\d{4}-\d{2}-\d{2}T\d{2}:\d{2}:\d{2}\.\d{3}Z$/

/** In ISO form; undefined for a record of an ordinary exchange. */
export function graceSince(metadata: unknown): string | undefined {
  const { extra } = (metadata ?? {}) as { extra?: Record<string, unknown> }
  const since = extra?.['graceSince']
  return typeof since === 'string' && TIME.test(since) ? since : undefined
}
