/** What we tell peers of the registry: the newest index that we know, and the signed head that proves what we were shown. */
import { HEADER } from '#schemas/wire.ts'
import type { ConfigurationSnapshot } from '../global-configuration/global-configuration.ts'

/** Headers of a request or reply; none where the registry makes no statements. */
export function configurationHeaders({
  statementIndex,
  configurationHead,
}: Pick<ConfigurationSnapshot, 'statementIndex' | 'configurationHead'>): Record<string, string> {
  const headers: Record<string, string> = {}
  if (statementIndex !== undefined) headers[HEADER.configurationIndex] = String(statementIndex)
  if (configurationHead !== undefined) headers[HEADER.configurationHead] = configurationHead
  return headers
}
