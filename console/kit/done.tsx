/** When something was done, and who did it. */
import { Time } from './time.tsx'

/** Removes the ids from "Anna (person 3f…)", or "Anna (3f…)" in a seal: the audit log has the ids, readers want the names. */
export function withoutIds(by: string): string {
  return by.replace(/ \((?:(?:person|key) )?[0-9a-f-]{36}\)/g, '')
}

export function Done({ at, by }: { at: string; by: string }) {
  return (
    <>
      <Time at={at} relative /> <bdi class="wrap beside">{withoutIds(by)}</bdi>
    </>
  )
}
