/**
 * How what a person or key signed or set names them: with the id, because two may have the same name, and a
 * key may bear a person's.
 */
export function nameOf({ id, name }: { id: string; name: string }): string {
  return `${name.slice(0, 200)} (${id})`
}
