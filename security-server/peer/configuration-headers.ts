/**
 * What this server tells its peers about the registry: the newest statement index that it knows, and the
 * signed head as proof of the log that the registry showed it.
 */
import { HEADER } from '#schemas/wire.ts'
import type { ConfigurationSnapshot } from '../global-configuration/global-configuration.ts'

/** The headers of a request or reply; empty when the registry makes no statements. */
export function configurationHeaders({
  statementIndex,
  configurationHead,
}: Pick<ConfigurationSnapshot, 'statementIndex' | 'configurationHead'>): Record<string, string> {
  const headers: Record<string, string> = {}
  if (statementIndex !== undefined) headers[HEADER.configurationIndex] = String(statementIndex)
  if (configurationHead !== undefined) headers[HEADER.configurationHead] = configurationHead
  return headers
}
