/**
 * Elastic Load Balancing gives an account these quotas in a region, by default and as the API names them.
 * https://docs.aws.amazon.com/elasticloadbalancing/latest/gateway/quotas-limits.html, …/APIReference/API_Limit.html
 */
export const LIMITS = {
  'gateway-load-balancers': 100,
  'gateway-load-balancers-per-vpc': 100,
  'geneve-target-groups': 100,
  'targets-per-availability-zone-per-gateway-load-balancer': 300,
};
