package engine

import (
	"fmt"
	"strings"
	"testing"
)

func TestRecognise(t *testing.T) {
	for _, c := range []struct{ exe, args, want string }{
		{"python3.12", "/usr/bin/python3 /usr/local/bin/vllm serve m", "vllm"},
		{"python3", "python3 -m vllm.entrypoints.openai.api_server --model m", "vllm"},
		{"python3", "VLLM::Worker_TP0", "vllm"},
		{"python3", "python3 -m vllmfake", "generic"},
		{"python3", "python3 -m sglang.launch_server --model-path m", "sglang"},
		{"python3", "sglang::scheduler_TP0", "sglang"},
		{"python3", "python3 /opt/bin/trtllm-serve serve m", "tensorrt-llm"},
		{"tritonserver", "tritonserver --model-repository=/m", "tensorrt-llm"},
		{"llama-server", "./llama-server -m x.gguf", "llama.cpp"},
		{"ollama", "/usr/bin/ollama serve", "ollama"},
		{"text-generation-router", "text-generation-router", "tgi"},
		{"wasmedge", "wasmedge --nn-preload default:GGML:AUTO:m.gguf llama-api-server.wasm -p chatml", "llamaedge"},
		{"wasmedge", "wasmedge other.wasm", "generic"},
		{"nginx", "nginx: master process", "generic"},
		{"", "", "generic"},
	} {
		if got := recognise(command{c.exe, strings.Fields(c.args)}).name; got != c.want {
			t.Errorf("%s: %s, want %s", c.args, got, c.want)
		}
	}
}

func text(p []Pair) (s string) {
	for _, v := range p {
		s += fmt.Sprintf("%s=%s;", v.Name, v.Value)
	}
	return s
}

func TestFlagsAreAllowListedAndCanonical(t *testing.T) {
	for _, c := range []struct{ args, want string }{
		{"vllm serve org/m -tp 8 --dtype=bfloat16 --api-key abc --enable-lora --max-model-len 4096", "--dtype=bfloat16;--enable-lora=;--max-model-len=4096;--tensor-parallel-size=8;model=org/m;"},
		{"vllm serve --dtype half --dtype float16 --unknown x", "--dtype=half;--dtype=float16;"},
		{"vllm serve m --quantization", "--quantization=;model=m;"},
		{"llama-server -m /m/x.gguf -ngl 99 --api-key-file /etc/k", "--model=/m/x.gguf;--n-gpu-layers=99;"},
	} {
		args := strings.Fields(c.args)
		got, _ := recognise(command{args[0], args}).pick(args)
		if text(got) != c.want {
			t.Errorf("%s:\n got %s\nwant %s", c.args, text(got), c.want)
		}
	}
}

func TestSecretsAreWithheld(t *testing.T) {
	for _, s := range []string{"hf_abcdefghijklmnop", "https://user:pass@host/m", "x?api_key=1", "sk-proj-abcdefghijkl", "AKIAIOSFODNN7EXAMPLE", "Zm9vYmFyYmF6cXV4Zm9vYmFyYmF6cXV4Zm9vYmFyYmF6MTIz",
		`{"model": "m", "token": "x"}`, "eyJhbGciOiJIUzI1NiJ9.e30.x", "https://acct.example/m/model.gguf?sv=2022-11-02&sr=b&xx=Zm9vYmFy",
		"wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY", "AIzaSyA1234567890abcdefghij", "gsk_abcdefghij0123456789", "nvapi-AbCdEf0123456789", "s3://b/m#X-Amz-Signature"} {
		if !secret(s) {
			t.Errorf("%q stated", s)
		}
		if out, n := vllm.pick([]string{"vllm", "serve", "--served-model-name", s}); len(out) != 0 || n != 1 {
			t.Errorf("%q: %v, %d withheld", s, out, n)
		}
		if out, n := vllm.variables([]string{"HF_HOME=" + s}); len(out) != 0 || n != 1 {
			t.Errorf("%q: %v, %d withheld", s, out, n)
		}
	}
	for _, s := range []string{"/models/models--meta-llama--Llama-3.1-8B-Instruct/snapshots/0e9e39f249a16976918f6564b8830bc894c89659", "org/Some-Very-Long-Model-Name-70B-Instruct-AWQ-INT4-v2", "bfloat16", "",
		`{"method": "eagle3", "model": "x/y", "num_speculative_tokens": 3}`, "sha256-6a0746a1ec1aef3e7ec53868f220ff6e389f6f8ef87a01d77c96807de94ca2aa"} {
		if secret(s) {
			t.Errorf("%q withheld", s)
		}
	}
}

func TestEnvironmentIsAllowListed(t *testing.T) {
	got, _ := vllm.variables([]string{"HF_TOKEN=x", "VLLM_API_KEY=y", "AWS_SECRET_ACCESS_KEY=z", "LD_PRELOAD=/x.so", "CUDA_VISIBLE_DEVICES=0,1", "VLLM_USE_V1=1", "PATH=/bin"})
	if want := "CUDA_VISIBLE_DEVICES=0,1;LD_PRELOAD=/x.so;VLLM_USE_V1=1;"; text(got) != want {
		t.Fatalf("%s, want %s", text(got), want)
	}
}

func FuzzPick(f *testing.F) {
	f.Add("vllm\x00serve\x00m\x00--dtype=half\x00-tp")
	f.Fuzz(func(t *testing.T, s string) {
		args := strings.Split(s, "\x00")
		for _, r := range append(known, generic) {
			out, _ := r.pick(args)
			env, _ := r.variables(args)
			if err := (&Process{Args: out, Environment: env}).check(); err != nil {
				t.Fatalf("%s: %v", r.name, err)
			}
		}
	})
}
