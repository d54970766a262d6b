/** When something was done, and who did it. */
import { Time } from './time.tsx'

/**
 * Removes the ids from "Anna (person 3f…)", or "Anna (3f…)" in a seal: the audit log has the ids, readers
 * want the names.
 */
export function withoutIds(by: string): string {
  return by.replace(/ \((?:(?:person|key) )?[0-9a-f-]{36}\)/g, '')
}

/** Two people may have one name: the beginning of the id tells them from each other. */
function withShortIds(by: string): string {
  return by.replace(/ \((?:(?:person|key) )?([0-9a-f]{8})[0-9a-f-]{28}\)/g, ' ($1…)')
}

export function Done({ at, by }: { at: string; by: string }) {
  return (
    <>
      <Time at={at} relative />{' '}
      <bdi class="wrap beside" title={by}>
        {withShortIds(by)}
      </bdi>
    </>
  )
}
