/**
 * What the doctor says of one thing: that it is well, or what to do next; `well` is undefined where it could
 * not look.
 */
export type Finding = { name: string; well: boolean | undefined; found: string; todo?: string }

export function well(name: string, found: string): Finding {
  return { name, well: true, found }
}

export function toDo(name: string, found: string, todo: string): Finding {
  return { name, well: false, found, todo }
}

export function notLooked(name: string, found: string): Finding {
  return { name, well: undefined, found }
}

/** The text of an error of the system, without a stack. */
export function whyOf(thrown: unknown): string {
  const { code, message } = thrown as NodeJS.ErrnoException
  return String(code ?? message ?? thrown)
}
