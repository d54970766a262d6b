/** The name that a filter of the gateway makes of a parameter's. */

/** What Java's expressions have and those of JavaScript have not, or have otherwise. */
const OTHERWISE = /\(\?[^:=!<]|\\[QEAZzGR]|[*+?}]\+|\[[^\]]*(&&|\[)/
const MAX_LENGTH = 200

/** Undefined for an expression that is not understood. */
export function renamed(
  name: string,
  condition: string | undefined,
  operation: string | undefined,
): string | undefined {
  if (condition === undefined || operation === undefined) return name
  if (condition.length > MAX_LENGTH || OTHERWISE.test(condition)) return undefined
  try {
    // In Java a dollar sign is written \$, and $0 is the whole.
    const replacement = operation.replaceAll('\\$', '$$$$').replace(/\$0/g, '$$&')
    return name.replace(new RegExp(condition, 'gu'), replacement)
  } catch {
    return undefined
  }
}
