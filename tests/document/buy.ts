// Buys one offering with a client that is generated from the OpenAPI document. Prints the client secret, with which the
// test pays, and then the state that the purchase reaches.
import createClient from 'openapi-fetch';
import type { components, paths } from './checkout';

declare const process: { argv: string[] };

const [, , baseUrl, sku] = process.argv;
const client = createClient<paths>({ baseUrl });

function ok<T>(answer: { data?: T; error?: components['schemas']['Problem'] | string }): T {
  if (answer.data === undefined) {
    throw new Error(JSON.stringify(answer.error));
  }
  return answer.data;
}

const offering = ok(await client.GET('/v1/offerings/{sku}', { params: { path: { sku } } }));
const opened = ok(await client.POST('/v1/purchases', { body: { sku: offering.sku } }));
const params = { path: { id: opened.id } };
const body = { email: 'ada@example.com', expected_total: opened.price.total };
const pay = ok(await client.POST('/v1/purchases/{id}/pay', { params, body }));
if (!('client_secret' in pay)) {
  throw new Error(`${pay.state}, and nothing to pay`);
}
console.log(pay.client_secret);
let purchase = ok(await client.GET('/v1/purchases/{id}', { params }));
while (purchase.state !== 'granted') {
  const query = { wait: 10, after: purchase.version };
  purchase = ok(await client.GET('/v1/purchases/{id}', { params: { ...params, query } }));
}
console.log(purchase.state);
