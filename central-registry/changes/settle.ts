/** When proposals are looked at for what time has decided: expiry, and acts whose process died. */

export const SETTLE = 'settle-proposals'
export const SETTLE_SECONDS = 60
