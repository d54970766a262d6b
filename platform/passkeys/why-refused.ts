/** Why a passkey that is somebody's was refused, in words for its holder alone. */
import { type Said, say } from '#schemas/said.ts'
export const WHY: Record<string, Said> = {
  blocked: say`it is blocked, since another device may have it too: remove it and make another`,
  copied: say`its counter did not rise, so another device may have it too: it is blocked from now on`,
  unconfirmed: say`the provider has not seen you for too long: log in there once`,
  locked: say`your access is locked`,
  removed: say`your access was taken away`,
}
