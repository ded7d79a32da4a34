# SPDX-License-Identifier: Apache-2.0
# VXLAN-GPE stands in for GENEVE on kernels without its module: its GRO is the same code in the kernel but for a comparison of 8
# bytes instead of 40. Its header has as many bytes as GENEVE's, but no options, and the next protocol in the place of the lower
# byte of GENEVE's.
s/^#define GENEVE_VERSION(geneve) .*/#define GENEVE_VERSION(geneve) 0/
s/^#define GENEVE_OPTION_BYTES(geneve) .*/#define GENEVE_OPTION_BYTES(geneve) 0/
s/geneve->protocol == bpf_htons(ETH_P_IP)/geneve->protocol == bpf_htons(1)/
s/__be16 protocol = geneve->protocol;/__be16 protocol = geneve->protocol == bpf_htons(1) ? bpf_htons(ETH_P_IP) : bpf_htons(ETH_P_IPV6);/
s/(words\[0\] & bpf_htonl(0xff80ffff)) == .*/(words[0] \& bpf_htonl(0x0000ffff)) == bpf_htonl(1) \&\&/
/^struct usual_geneve/,/^}/{/struct aws_options options;/d}
s/ && read_usual_options(&usual->options, from);/ \&\& from;/
s/int verdict = read_options(skb, .*/int verdict = CONTINUE;/
