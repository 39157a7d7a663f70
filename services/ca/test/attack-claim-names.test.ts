import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { expectations, sanText } from './support/expect.ts';
import { type Harness, startHarness } from './support/harness.ts';
import { EMAIL, EMAIL_ISSUER, ID_ERROR, v2 } from './support/requests.ts';
import { makeToken } from './support/tokens.ts';

/* Issuers copy what a user chose into claims of other names. Which claim is verified, and which one is certified? */

let at: Harness;
before(async () => {
  at = await startHarness();
});
after(() => at.close());

const { issued, refused } = expectations(() => at);

const VICTIM = 'victim@example.com';
const GOOD = `"iss":"${EMAIL_ISSUER}","aud":"sigstore","exp":"@now+600","sub":"user-1","email_verified":true`;

const asking = (claims: string, proofOver: string) => {
  const token = makeToken({ header: { alg: 'RS256', kid: 'rsa-1' }, claimsRaw: `{${claims}}` });
  return v2({ token, proofOver });
};

test('I7 another spelling of a claim does not take the place of the claim', async () => {
  for (const name of ['EMAIL', 'Email', 'eMail']) {
    await refused(asking(`${GOOD},"email":"${EMAIL}","${name}":"${VICTIM}"`, VICTIM), ID_ERROR);
    await refused(asking(`${GOOD},"${name}":"${VICTIM}","email":null`, VICTIM), ID_ERROR);
  }
  const email = `"email":"${EMAIL}"`;
  await refused(asking(`${GOOD.replace('true', 'false')},${email},"EMAIL_VERIFIED":true`, EMAIL), ID_ERROR);
  await refused(asking(`${GOOD.replace('true', 'false')},${email},"email_ver\u0131fied":true`, EMAIL), ID_ERROR);
  await refused(asking(`${GOOD.replace('@now+600', '@now-600')},${email},"EXP":"@now+600"`, EMAIL), ID_ERROR);
  await refused(asking(`${GOOD.replace('sigstore', 'other')},${email},"Aud":"sigstore"`, EMAIL), ID_ERROR);
  await refused(asking(`${GOOD},${email},"\u017fub":"user-2"`, EMAIL), ID_ERROR);
  await refused(asking(`${GOOD.replace('/email"', '/uri"')},${email},"I\u017fs":"${EMAIL_ISSUER}"`, EMAIL), ID_ERROR);
});

test('I7 where the claim itself comes last, or stands twice, it is the one that is certified', async () => {
  const first = await issued(asking(`"EMAIL":"${VICTIM}",${GOOD},"email":"${EMAIL}"`, EMAIL));
  const twice = await issued(asking(`${GOOD},"email":"${VICTIM}","email":"${EMAIL}"`, EMAIL));
  assert.deepEqual([sanText(first), sanText(twice)], [EMAIL, EMAIL]);
});
